//! Tenants read from their folders: `tenant.json`, `incidents.json`, `alerts.json`,
//! `devices.json`,
//! `endpoint/*.json` for what else the Endpoint API knows, and `hunting/<Table>.json`, lists of rows.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::action::{Action, ActionKind, Status};
use crate::hunting::Table;
use crate::live_response::{self, Command};
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
    for certificate in tenant.apps.iter_mut().flat_map(|app| &mut app.certificates) {
        if !certificate.starts_with("-----BEGIN") {
            let path = folder.join(&*certificate);
            let named = |error| io::Error::other(format!("{}: {error}", path.display()));
            *certificate = std::fs::read_to_string(&path).map_err(named)?;
        }
    }
    tenant.incidents = read::<Vec<_>>(&folder.join("incidents.json"), shift)?.into();
    tenant.alerts = read::<Vec<_>>(&folder.join("alerts.json"), shift)?.into();
    tenant.devices = known(&folder.join("devices.json"), shift)?;
    let endpoint = folder.join("endpoint");
    tenant.indicators = known(&endpoint.join("indicators.json"), shift)?;
    tenant.files = known(&endpoint.join("files.json"), shift)?;
    tenant.exposure = known(&endpoint.join("exposure.json"), shift)?;
    tenant.investigations = known(&endpoint.join("investigations.json"), shift)?;
    tenant.library = known(&endpoint.join("library.json"), shift)?;
    let past: Vec<PastAction> = known(&endpoint.join("actions.json"), shift)?;
    for action in past {
        let action = action.told(&tenant);
        let unreadable = || io::Error::other(format!("an action of {}", endpoint.display()));
        tenant.actions.push(action.ok_or_else(unreadable)?);
    }
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

/// An action that had ended by the seeds' `asOf`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PastAction {
    id: String,
    #[serde(rename = "type")]
    kind: ActionKind,
    machine_id: String,
    status: Status,
    scope: Option<String>,
    requestor: String,
    comment: String,
    created: String,
    ended: String,
    #[serde(default)]
    commands: Vec<Value>,
}

impl PastAction {
    /// `None` if its device or an instant is not to be understood.
    fn told(self, tenant: &Tenant) -> Option<Action> {
        let mut devices = tenant.devices.iter();
        let device = devices.find(|device| device.id == self.machine_id)?;
        let created = time::parse(&self.created)?;
        let ended = time::parse(&self.ended)?;
        let commands: Option<Vec<Command>> = self.commands.into_iter().map(Command::new).collect();
        let mut commands = commands?;
        live_response::run(&mut commands, self.status, ended, |_| true);
        let mut action = Action::past(self.kind, device, created, ended, self.status);
        action.id = self.id;
        action.scope = self.scope;
        action.requestor = self.requestor;
        action.comment = self.comment;
        action.commands = commands;
        Some(action)
    }
}

/// What the Endpoint API knows may be left out of a tenant's folder.
fn known<T: DeserializeOwned + Default>(path: &Path, shift: i64) -> io::Result<T> {
    match path.is_file() {
        true => read(path, shift),
        false => Ok(T::default()),
    }
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
