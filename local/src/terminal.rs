//! What people read: answers on stdout, everything else on stderr, JSON laid out for the eye, colours on a terminal only.

use std::fmt::{Arguments, Display};
use std::io::{self, ErrorKind, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::Failure;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const KEY: Style = AnsiColor::Cyan.on_default();
/// The width of a table where there is no terminal to fit.
const WIDTH: usize = 160;

/// Writes an answer to stdout. A reader that has seen enough and closed the pipe is no failure.
pub fn print(answer: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(answer)
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::failed(format!("stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes JSON to stdout, laid out, and coloured where that is a terminal.
pub fn print_json(json: &str) -> Result<(), Failure> {
    let text = match colours() {
        true => highlighted(json),
        false => pretty(json),
    };
    print(text.as_bytes())
}

/// Whether stdout takes colours: it is a terminal, and neither `NO_COLOR` nor `TERM=dumb` says otherwise; or `CLICOLOR_FORCE` asks for them.
fn colours() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// Writes a line to stderr; if nobody reads that, nothing can be said about it.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Writes a failure to stderr.
pub fn error(message: &str) {
    let mut stderr = anstream::AutoStream::auto(io::stderr());
    let _ = writeln!(stderr, "{ERROR}error:{ERROR:#} {message}");
}

/// Whether somebody sees a line on stderr that changes.
pub fn is_watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|kind| kind != "dumb")
}

/// Writes a line to stderr in place of the last of these; an empty one takes that away.
pub fn progress(line: Arguments) {
    let mut stderr = io::stderr();
    let _ = write!(stderr, "\r\x1b[K{line}").and_then(|()| stderr.flush());
}

/// How wide a table may be.
pub fn width() -> usize {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(WIDTH, |(width, _)| width.0.into())
}

/// [`pretty`], with the names of members coloured.
fn highlighted(json: &str) -> String {
    laid_out(json, KEY)
}

/// JSON with a line per member, every name, number and string as it was. What is not JSON stays as it is.
fn pretty(json: &str) -> String {
    laid_out(json, Style::new())
}

fn laid_out(json: &str, key: Style) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped, mut start) = (0, false, false, 0);
    let mut characters = json.chars().peekable();
    while let Some(character) = characters.next() {
        if in_string {
            out.push(character);
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
            continue;
        }
        match character {
            '{' | '[' => {
                out.push(character);
                while characters
                    .next_if(|next| next.is_ascii_whitespace())
                    .is_some()
                {}
                match characters.next_if(|next| matches!(next, '}' | ']')) {
                    Some(end) => out.push(end),
                    None => {
                        depth += 1;
                        new_line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(character);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => {
                let name = out.split_off(start);
                out += &format!("{key}{name}{key:#}: ");
            }
            _ if character.is_ascii_whitespace() => {}
            _ => {
                in_string = character == '"';
                if in_string {
                    start = out.len();
                }
                out.push(character);
            }
        }
    }
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::{highlighted, pretty};

    #[test]
    fn json_is_laid_out_and_nothing_in_it_changed() {
        let laid_out =
            pretty(r#"{"b":[1.0,{ },[ ]],"a":"x,\"{}\\","n":12345678901234567890123, "u":"å"}"#);
        let expected = r#"{
  "b": [
    1.0,
    {},
    []
  ],
  "a": "x,\"{}\\",
  "n": 12345678901234567890123,
  "u": "å"
}"#;
        assert_eq!(laid_out, expected);
        assert_eq!(pretty(expected), expected);
    }

    #[test]
    fn colours_are_of_the_names_alone() {
        let coloured = highlighted(r#"{"a:":"b:"}"#);
        assert_eq!(coloured, "{\n  \u{1b}[36m\"a:\"\u{1b}[0m: \"b:\"\n}");
        assert_eq!(
            anstream::adapter::strip_str(&coloured).to_string(),
            pretty(r#"{"a:":"b:"}"#)
        );
    }

    #[test]
    fn what_is_not_json_is_left_alone() {
        assert_eq!(pretty("{ not JSON"), "{ not JSON");
    }
}
