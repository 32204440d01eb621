//! Why something could not be measured: a few words for the results, and what was printed about it for who looks on.

/// A failure.
#[derive(Debug)]
pub struct Failure {
    /// Without paths, addresses and what others print.
    pub what: String,
    /// All the rest; may be empty.
    pub details: String,
}

impl Failure {
    /// One with details.
    pub fn new(what: impl Into<String>, details: impl ToString) -> Self {
        Self {
            what: what.into(),
            details: details.to_string(),
        }
    }

    /// Prints it, and answers what goes to the results; `of` says who failed in what.
    pub fn tell(self, of: &str) -> String {
        let Self { what, details } = self;
        match details.is_empty() {
            true => eprintln!("{of}: {what}"),
            false => eprintln!("{of}: {what}: {details}"),
        }
        format!("{of}: {what}")
    }
}

impl From<String> for Failure {
    fn from(what: String) -> Self {
        Self::new(what, "")
    }
}

impl From<&str> for Failure {
    fn from(what: &str) -> Self {
        Self::new(what, "")
    }
}
