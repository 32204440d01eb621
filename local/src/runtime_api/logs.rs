//! What a process has written, and how far that was reported.

/// The output that is kept, in bytes: enough for any test, too little to fill a machine in a long `serve`.
const LIMIT: usize = 16 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Logs {
    pub bytes: Vec<u8>,
    /// So many of them were in a report.
    reported: usize,
}

impl Logs {
    pub fn add(&mut self, output: &[u8]) {
        self.bytes.extend_from_slice(output);
        if self.bytes.len() > LIMIT {
            self.bytes.drain(..LIMIT / 2);
            self.reported = self.reported.saturating_sub(LIMIT / 2);
        }
    }

    /// What was added since this was last asked.
    pub fn since_report(&mut self) -> String {
        let new = String::from_utf8_lossy(&self.bytes[self.reported..]).into_owned();
        self.reported = self.bytes.len();
        new
    }
}
