//! What was delivered of the look-back, in compact form: eleven bytes or so for an update.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{SHA256, digest};

use crate::time::{Timestamp, ticks};

/// So many updates are kept, which fill two thirds of a row in DynamoDB at most.
const MOST: usize = 20_000;

/// Says how the rest of the bytes is written.
const VERSION: u8 = 1;

/// An update: its instant, and a hash of what tells it from others of that instant.
pub type Mark = (i64, u64);

/// A set of updates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen(BTreeSet<Mark>);

/// The mark of an update of `id` at that instant.
pub fn mark(at: Timestamp, id: &str) -> Mark {
    let hash = digest(&SHA256, id.as_bytes());
    let first = hash
        .as_ref()
        .iter()
        .take(8)
        .fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    (ticks(at), first)
}

impl Seen {
    pub fn contains(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    /// Answers whether it is new.
    pub fn insert(&mut self, mark: Mark) -> bool {
        self.0.insert(mark)
    }

    pub fn remove(&mut self, mark: Mark) {
        self.0.remove(&mark);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Drops what is older than `from`, and the oldest where there are too many. Answers the instant of the oldest then, if any
    /// had to go that way.
    pub fn shrink(&mut self, from: Timestamp) -> Option<i64> {
        self.0 = self.0.split_off(&(ticks(from), 0));
        let surplus = self.0.len().saturating_sub(MOST);
        let first_kept = self.0.iter().nth(surplus).copied();
        let first_kept = first_kept.filter(|_| surplus > 0)?;
        self.0 = self.0.split_off(&first_kept);
        Some(first_kept.0)
    }

    /// For a row of DynamoDB: the ticks between one update and the next in a variable number of bytes, then the hash in eight.
    pub fn to_text(&self) -> String {
        let mut bytes = vec![VERSION];
        let mut last = 0;
        for (at, hash) in &self.0 {
            // The order of the set keeps the differences positive, but for a first one before 1970.
            let mut step = at.wrapping_sub(last).cast_unsigned();
            last = *at;
            while step >= 0x80 {
                bytes.push(step.to_le_bytes()[0] | 0x80);
                step >>= 7;
            }
            bytes.push(step.to_le_bytes()[0]);
            bytes.extend(hash.to_be_bytes());
        }
        BASE64_STANDARD.encode(bytes)
    }

    /// None for what is not of `to_text`.
    pub fn from_text(text: &str) -> Option<Self> {
        let bytes = BASE64_STANDARD.decode(text).ok()?;
        let (&VERSION, mut rest) = bytes.split_first()? else {
            return None;
        };
        let (mut marks, mut last) = (BTreeSet::new(), 0_i64);
        while !rest.is_empty() {
            let (mut step, mut shift) = (0_u64, 0);
            loop {
                let (byte, after) = rest.split_first()?;
                rest = after;
                step |= u64::from(byte & 0x7f).checked_shl(shift)?;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            let (hash, after) = rest.split_first_chunk()?;
            rest = after;
            last = last.wrapping_add(step.cast_signed());
            marks.insert((last, u64::from_be_bytes(*hash)));
        }
        Some(Self(marks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut seen = Seen::default();
        assert_eq!(Seen::from_text(&seen.to_text()), Some(seen.clone()));
        for (instant, id) in [
            ("2026-11-20T09:00:00.1234567Z", "1"),
            ("2026-11-20T09:00:00.1234567Z", "2"),
            ("2026-11-20T09:00:00.1234568Z", "1"),
            ("1969-12-31T23:59:59Z", "3"),
            ("9999-12-30T00:00:00Z", "4"),
        ] {
            assert!(seen.insert(mark(at(instant), id)));
            assert!(!seen.insert(mark(at(instant), id)));
        }
        assert_eq!(seen.len(), 5);
        assert_eq!(Seen::from_text(&seen.to_text()), Some(seen));
    }

    #[test]
    fn an_update_within_a_quarter_of_an_hour_takes_a_dozen_bytes() {
        let mut seen = Seen::default();
        for number in 0..9000_u32 {
            let instant =
                at("2026-11-20T09:00:00Z") + std::time::Duration::from_millis(100) * number;
            seen.insert(mark(instant, &number.to_string()));
        }
        assert!(seen.to_text().len() * 3 / 4 < 9000 * 12);
    }

    #[test]
    fn what_is_no_set_is_not_taken_for_one() {
        for text in ["", "AA==", "AQE=", "AYCAgICAgICAgICAgAE=", "?"] {
            assert_eq!(Seen::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn old_updates_are_forgotten_and_the_oldest_where_there_are_too_many() {
        let mut seen = Seen::default();
        for number in 0..MOST as u32 + 10 {
            let instant = at("2026-11-20T09:00:00Z") + std::time::Duration::from_secs(1) * number;
            seen.insert(mark(instant, "1"));
        }
        assert_eq!(
            seen.shrink(at("2026-11-20T09:00:04Z")),
            Some(ticks(at("2026-11-20T09:00:10Z")))
        );
        assert_eq!(seen.len(), MOST);
        assert!(!seen.contains(mark(at("2026-11-20T09:00:09Z"), "1")));
        assert!(seen.contains(mark(at("2026-11-20T09:00:10Z"), "1")));
        assert_eq!(seen.shrink(at("2026-11-20T09:01:00Z")), None);
        assert_eq!(seen.len(), MOST - 50);
    }
}
