//! What people read: answers on stdout, everything else on stderr, JSON laid out for the eye.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

use crate::Failure;

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

/// Writes a line to stderr; if nobody reads that, nothing can be said about it.
pub fn note(line: Arguments) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// JSON with a line per member, every name, number and string as it was. What is not JSON stays as it is.
pub fn pretty(json: &str) -> String {
    if serde_json::from_str::<serde::de::IgnoredAny>(json).is_err() {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0, false, false);
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
            ':' => out.push_str(": "),
            _ if character.is_ascii_whitespace() => {}
            _ => {
                in_string = character == '"';
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
    use super::pretty;

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
    fn what_is_not_json_is_left_alone() {
        assert_eq!(pretty("{ not JSON"), "{ not JSON");
    }
}
