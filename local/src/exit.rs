//! Exit codes, by what whoever called can do about a failure.

use defender_functions::error::Code;

/// It was called wrongly: the command line, or the operation's input.
pub const USAGE: u8 = 2;
/// The function's process ended, or said something that is no problem document; or this machine lacks something.
pub const BROKEN: u8 = 1;
/// It can be repeated later as it is.
pub const LATER: u8 = 6;
/// Nobody knows whether a change was made.
pub const LOOK: u8 = 8;
/// Ctrl-C, as shells have it.
pub const INTERRUPTED: u8 = 130;

/// What `cargo local invoke --help` says of them.
pub const HELP: &str = "Exit codes:
    0  there is an answer
    1  a defect, or something that this machine lacks: Internal, a process that ended
    2  called wrongly: the command line, InvalidInput
    3  somebody has to permit or configure it: PermissionMissing, TenantNotAllowed, Refused, CredentialRejected, Misconfigured
    4  NotFound
    5  the state stands in the way: Conflict, NotReady
    6  repeat it later: Throttled, UpstreamUnavailable, DeadlineExceeded, a timeout
    7  Microsoft said no, or too much: UpstreamRejected, TooLarge
    8  look before you repeat it: OutcomeUnknown, a timeout of what changes something
  130  interrupted
A whole reply, of --event or `events --send`, is 0 whatever it says.";

/// The exit code of a failure that has this code.
pub fn of(code: Code) -> u8 {
    match code {
        Code::Internal => BROKEN,
        Code::InvalidInput => USAGE,
        Code::TenantNotAllowed
        | Code::PermissionMissing
        | Code::CredentialRejected
        | Code::Refused
        | Code::Misconfigured => 3,
        Code::NotFound => 4,
        Code::Conflict | Code::NotReady => 5,
        Code::Throttled | Code::UpstreamUnavailable | Code::DeadlineExceeded => LATER,
        Code::UpstreamRejected | Code::TooLarge => 7,
        Code::OutcomeUnknown => LOOK,
    }
}

/// The exit code of a failure by the name that it goes by: an `errorType`.
pub fn named(name: &str) -> u8 {
    let code = Code::ALL.into_iter().find(|code| code.name() == name);
    code.map_or(BROKEN, of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_code_under_the_exit_code_that_it_has() {
        for code in Code::ALL {
            let line = HELP.lines().find(|line| line.contains(code.name()));
            let exit = line.and_then(|line| line.trim_start().split(' ').next());
            assert_eq!(
                exit,
                Some(&*of(code).to_string()),
                "{} in the help",
                code.name()
            );
            assert_eq!(named(code.name()), of(code));
        }
        assert_eq!(named("Runtime.ExitError"), BROKEN);
    }
}
