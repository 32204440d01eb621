//! The operations' table, as it is and as JSON.

pub use defender_functions::operation::{Entry, Group};
pub use defender_functions::operations::OPERATIONS;
use serde_json::{Value, json};

/// The table as an array of objects: `name`, `summary`, `group`, `method`, `path`, `changes`.
pub fn as_json() -> Value {
    let entries = OPERATIONS.iter().map(|entry| {
        json!({
            "name": entry.name,
            "summary": entry.summary,
            "group": entry.group.to_string(),
            "method": entry.method,
            "path": entry.path,
            "changes": entry.changes,
        })
    });
    entries.collect()
}
