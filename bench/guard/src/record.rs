//! `recorded.toml`: the figures as they were, how far each may be from that, and what to say about one that is further.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use toml_edit::{DocumentMut, Item, Value, value};

use crate::figures::Figure;

/// The file, with its comments.
pub struct Record {
    path: PathBuf,
    document: DocumentMut,
}

/// A figure beside what was recorded.
pub struct Compared {
    pub name: String,
    pub recorded: i64,
    pub now: i64,
    /// Per cent, either way.
    pub tolerance: f64,
}

impl Record {
    pub fn open() -> Result<Self, Box<dyn Error>> {
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/recorded.toml"));
        let document = fs::read_to_string(&path)?.parse()?;
        Ok(Self { path, document })
    }

    /// A text at the top of the file; empty if it has none.
    pub fn text(&self, name: &str) -> &str {
        self.document
            .get(name)
            .and_then(Item::as_str)
            .unwrap_or_default()
    }

    pub fn compare(&self, figures: &[Figure]) -> Result<Vec<Compared>, Box<dyn Error>> {
        let compared = figures.iter().map(|&((of, unit), now)| {
            let name = format!("{of}.{unit}");
            let entry = self.document.get(of).and_then(|of| of.get(unit));
            let field = |name: &str| entry.and_then(|entry| entry.get(name)).and_then(Item::as_value);
            let recorded = field("recorded").and_then(Value::as_integer);
            let tolerance = field("tolerance").and_then(Value::as_float);
            let missing = || format!("{}: {name} lacks `recorded` (whole) or `tolerance` (per cent, with a decimal point)", self.path.display());
            let (recorded, tolerance) = recorded.zip(tolerance).ok_or_else(missing)?;
            Ok(Compared { name, recorded, now: now.try_into()?, tolerance })
        });
        compared.collect()
    }

    /// Writes the figures, and what they are of, in the place of those that are there. Everything else stays as it is.
    pub fn rewrite(
        mut self,
        figures: &[Figure],
        target: &str,
        rustc: &str,
    ) -> Result<(), Box<dyn Error>> {
        self.document["target"] = value(target);
        self.document["rustc"] = value(rustc);
        for &((of, unit), now) in figures {
            self.document[of][unit]["recorded"] = value(i64::try_from(now)?);
        }
        Ok(fs::write(&self.path, self.document.to_string())?)
    }
}

impl Compared {
    /// Per cent; more is positive.
    pub fn change(&self) -> f64 {
        (self.now - self.recorded) as f64 / self.recorded.max(1) as f64 * 100.0
    }

    /// What to do about a figure that is beyond its tolerance.
    pub fn verdict(&self) -> Option<&'static str> {
        match self.change() {
            change if change > self.tolerance => Some("grew"),
            change if change < -self.tolerance => Some("shrank: record it"),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# why\ntarget = \"musl\"\nrustc = \"old\"\n[start]\nallocations = { recorded = 200, tolerance = 0.5 } # few\n";

    fn record(path: PathBuf) -> Record {
        Record {
            path,
            document: TEXT.parse().unwrap(),
        }
    }

    fn verdict(now: u64) -> Option<&'static str> {
        let compared = record(PathBuf::new()).compare(&[(("start", "allocations"), now)]);
        compared.unwrap()[0].verdict()
    }

    #[test]
    fn a_figure_may_differ_by_its_tolerance_either_way_and_no_more() {
        assert_eq!([199, 200, 201].map(verdict), [None; 3]);
        assert_eq!(verdict(202), Some("grew"));
        assert_eq!(verdict(198), Some("shrank: record it"));
    }

    #[test]
    fn a_figure_that_has_no_place_in_the_record_is_named() {
        let refusal = record("recorded.toml".into()).compare(&[(("start", "instructions"), 1)]);
        assert!(
            refusal
                .err()
                .unwrap()
                .to_string()
                .contains("start.instructions")
        );
    }

    #[test]
    fn recording_changes_the_figures_and_leaves_the_comments() {
        let path = std::env::temp_dir().join(format!("guard-record-{}.toml", std::process::id()));
        let done = record(path.clone()).rewrite(&[(("start", "allocations"), 7)], "musl", "new");
        let written = fs::read_to_string(&path);
        let _ = fs::remove_file(&path);
        done.unwrap();
        let expected = TEXT.replace("200", "7").replace("old", "new");
        assert_eq!(written.unwrap(), expected);
    }
}
