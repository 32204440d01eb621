//! How much of an answer its trigger can still carry, and what a text takes of that.

use crate::error::{Code, Error};

/// How many bytes of an answer can still be returned, counted as the trigger carries them.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    pub bytes: usize,
    /// Whether the answer travels inside a JSON string, where quotes and backslashes take two bytes.
    pub escaped: bool,
}

impl Room {
    /// Of an answer that does not travel inside a string.
    pub const fn of(bytes: usize) -> Self {
        Self {
            bytes,
            escaped: false,
        }
    }

    /// What `chunk` takes up.
    pub fn cost(self, chunk: &[u8]) -> usize {
        match self.escaped {
            true => chunk.len() + escapes(chunk),
            false => chunk.len(),
        }
    }

    /// The error of an answer that takes more.
    pub fn exceeded(self) -> Error {
        Error::new(
            Code::TooLarge,
            "The answer is larger than this trigger can carry (6 MB from a function, 1 MB through a load balancer, 256 KB to an agent; \
             quotes and backslashes count twice over HTTP and to agents). Ask for less: fewer columns or rows, a smaller `top`, or a shorter time.",
        )
    }
}

/// What the bytes take inside a JSON string, besides themselves.
///
/// It is counted for every byte of an answer over HTTP. What is built for size has no vector instructions, so eight bytes are counted
/// at once by hand: an eighth of the instructions.
fn escapes(text: &[u8]) -> usize {
    let (words, rest) = text.as_chunks();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().chain([&last]).map(in_word).sum()
}

/// One in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

fn in_word(word: &[u8; 8]) -> usize {
    let word = u64::from_le_bytes(*word);
    let mut escapes = equal(word, b'"') + equal(word, b'\\');
    let control = equal(word & (EACH * 0xe0), 0);
    if control != 0 {
        let short = equal(word, b'\n') + equal(word, b'\r') + equal(word, b'\t');
        escapes += 5 * control - 4 * short;
    }
    // The sum of the eight, none of which is above 5.
    (escapes.wrapping_mul(EACH) >> 56) as usize
}

/// One in each byte that is `byte`, nothing in the others.
fn equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = EACH * 0x7f;
    let differs = word ^ (EACH * u64::from(byte));
    !(((differs & LOW) + LOW) | differs) >> 7 & EACH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_inside_a_string_takes_what_serde_writes() {
        let room = Room {
            bytes: 0,
            escaped: true,
        };
        let quoted = |text: &str| serde_json::to_string(text).unwrap().len() - 2;
        for length in 0..20 {
            for byte in (0..0x80).filter(|byte| ![0x08, 0x0c].contains(byte)) {
                let text =
                    "\"a\\\u{1}\nb".repeat(length) + &char::from(byte).to_string().repeat(length);
                assert_eq!(room.cost(text.as_bytes()), quoted(&text), "{text:?}");
            }
        }
        assert_eq!(room.cost("Zürich".as_bytes()), 7);
        assert_eq!(Room::of(0).cost(b"\"\""), 2);
    }
}
