//! Tenants read from their folders: `tenant.json`, `incidents.json`, `alerts.json`, and `hunting/<Table>.json`, lists of rows.

use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::hunting::Table;
use crate::tenant::Tenant;
use crate::time::{self, SECOND};

/// The committed tenants.
pub(crate) fn usual() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants")
}

/// Every tenant below `folder`, by the order that their `tenant.json` sort in. With `now` every instant moves by whole
/// seconds so that each tenant's `asOf` falls on it.
pub(crate) fn tenants(folder: &Path, now: Option<i64>) -> io::Result<Vec<Tenant>> {
    let mut folders = Vec::new();
    for entry in folder.read_dir()? {
        let path = entry?.path();
        if path.join("tenant.json").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    if folders.is_empty() {
        return Err(io::Error::other(format!(
            "no folder with a tenant.json in {}",
            folder.display()
        )));
    }
    folders.iter().map(|folder| tenant(folder, now)).collect()
}

fn tenant(folder: &Path, now: Option<i64>) -> io::Result<Tenant> {
    let told: Tenant = read(&folder.join("tenant.json"), 0)?;
    let as_of = time::parse(&told.as_of)
        .ok_or_else(|| io::Error::other(format!("asOf {} is no instant", told.as_of)))?;
    let shift = now.map_or(0, |now| (now - as_of).div_euclid(SECOND));
    let mut tenant: Tenant = read(&folder.join("tenant.json"), shift)?;
    tenant.incidents = read(&folder.join("incidents.json"), shift)?;
    tenant.alerts = read(&folder.join("alerts.json"), shift)?;
    for alert in &mut tenant.alerts {
        for evidence in &mut alert.evidence {
            *evidence = compact(evidence);
        }
    }
    tenant.tables = Table::all();
    for (name, table) in &mut tenant.tables {
        let path = folder.join("hunting").join(format!("{name}.json"));
        if path.is_file() {
            let rows: Vec<Map<String, Value>> = read(&path, shift)?;
            rows.iter().for_each(|row| table.push(row));
        }
    }
    Ok(tenant)
}

fn read<T: DeserializeOwned>(path: &Path, shift: i64) -> io::Result<T> {
    let naming =
        |error: &dyn std::fmt::Display| io::Error::other(format!("{}: {error}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| naming(&error))?;
    serde_json::from_str(&time::shift(&text, shift)).map_err(|error| naming(&error))
}

/// The same JSON on one line; the order of its keys stays.
fn compact(json: &RawValue) -> Box<RawValue> {
    let (mut compacted, mut in_string, mut escaped) = (String::new(), false, false);
    for c in json.get().chars() {
        if in_string || !c.is_ascii_whitespace() {
            compacted.push(c);
        }
        in_string ^= c == '"' && !escaped;
        escaped = in_string && c == '\\' && !escaped;
    }
    RawValue::from_string(compacted)
        .expect("JSON without the blanks between its parts is the same JSON")
}
