//! `cargo local completions`: what a shell needs to complete the commands, the operations and the triggers.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use local::faults::PRESETS;
use local::operations::OPERATIONS;

use crate::{Cli, Failure, terminal};

/// Bash knows completions by the command alone, which is `cargo`: what follows `local` goes to ours, the rest to cargo's own.
const BASH: &str = r#"
_cargo_local_or_cargo() {
    if [[ ${COMP_WORDS[1]} == local ]]; then
        COMP_WORDS=(cargo_local "${COMP_WORDS[@]:2}")
        COMP_CWORD=$((COMP_CWORD - 1))
        _cargo_local cargo_local "$2" "$3"
    else
        if ! declare -F _cargo >/dev/null && declare -F _completion_loader >/dev/null; then
            _completion_loader cargo
            complete -F _cargo_local_or_cargo -o bashdefault -o default cargo
        fi
        if declare -F _cargo >/dev/null; then _cargo "$@"; fi
    fi
}
complete -F _cargo_local_or_cargo -o bashdefault -o default cargo
"#;

/// Fish does not learn the values of what has no name from the commands.
const FISH: &str = "complete -c cargo -n \"__fish_seen_subcommand_from local; and __fish_seen_subcommand_from invoke events\" -f -a \"";

/// Prints the completions of a shell
#[derive(clap::Args)]
#[command(after_help = "To use them:
  bash:  source <(cargo local completions bash)
  zsh:   cargo local completions zsh > \"${fpath[1]}/_cargo-local\"
  fish:  cargo local completions fish > ~/.config/fish/conf.d/cargo-local.fish")]
pub struct Args {
    #[arg(value_parser = PossibleValuesParser::new(["bash", "zsh", "fish"]).try_map(|name| name.parse::<Shell>()))]
    shell: Shell,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let operations: Vec<_> = OPERATIONS.iter().map(|entry| entry.name).collect();
    let mut ours = Cli::command();
    let presets = PRESETS.iter().map(|preset| preset.name).chain(["clear"]);
    let presets: Vec<_> = presets.collect();
    ours = ours.mut_subcommand("faults", |command| {
        command.mut_arg("fault", |fault| {
            fault.value_parser(PossibleValuesParser::new(&presets))
        })
    });
    for command in ["invoke", "events"] {
        let operations = PossibleValuesParser::new(&operations);
        ours = ours.mut_subcommand(command, |command| {
            command.mut_arg("operation", |operation| operation.value_parser(operations))
        });
    }
    // Where each shell looks for what comes after `cargo local`: zsh for a function of that name, fish for conditions on `cargo`.
    let (mut command, name) = match args.shell {
        Shell::Zsh => (ours, "cargo-local"),
        Shell::Fish => (
            Command::new("cargo").subcommand(ours.name("local")),
            "cargo",
        ),
        _ => (ours, "cargo_local"),
    };
    let mut script = Vec::new();
    generate(args.shell, &mut command, name, &mut script);
    let more = match args.shell {
        Shell::Bash => BASH.to_owned(),
        Shell::Fish => format!("{FISH}{}\"", operations.join(" ")),
        _ => String::new(),
    };
    script.extend_from_slice(more.as_bytes());
    terminal::print(script.trim_ascii_end())
}
