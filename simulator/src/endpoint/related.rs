//! What an alert names, and who logged on to a device.

use serde_json::{Value, json};

use super::entities::host;
use super::files::{file, hashed};
use super::list::{Listing, entity};
use super::{admit, alerts, machines, not_found, text, users};
use crate::answer::Answer;
use crate::kql::value::Value as Cell;
use crate::odata::Field;
use crate::request::Request;
use crate::state::State;
use crate::xdr::Failure;

const NO_FIELDS: &[Field<Value>] = &[];

/// `related` is the last word of `/api/alerts/{id}/...`.
pub(super) fn of_alert(
    state: &State,
    request: &Request,
    id: &str,
    related: &str,
) -> Result<Answer, Failure> {
    let sufficient: &[&str] = match related {
        "files" => &["File.Read.All"],
        "ips" => &["Ip.Read.All"],
        "domains" => &["URL.Read.All"],
        "machine" => machines::READ,
        "user" => &["User.Read.All"],
        _ => return Err(Failure::no_such_resource()),
    };
    let caller = admit(state, request, sufficient)?;
    let tenant = &state.tenants[caller.tenant];
    let alert = alerts::known(tenant, id)?;
    let evidence = alert.evidence();
    let ips = || evidence.iter().filter_map(|one| text(one, "ipAddress"));
    let (name, mut found): (&'static str, Vec<Value>) = match related {
        "machine" => {
            let device = alert
                .device_id()
                .ok_or_else(|| not_found("Machine of alert", id))?;
            let device = machines::known(state, caller.tenant, &device)?;
            return Ok(entity(200, "Machines/$entity", machines::shown(device)));
        }
        "user" => {
            let mut accounts = evidence.iter().map(|one| &one["userAccount"]);
            let account = accounts.find_map(|account| text(account, "accountName"));
            let user = account.and_then(|name| users::user(tenant, name));
            let user = user.ok_or_else(|| not_found("User of alert", id))?;
            return Ok(entity(200, "Users/$entity", user));
        }
        "files" => {
            let hashes = evidence.iter().filter_map(hashed);
            let files = hashes.filter_map(|one| file(tenant, text(&one, "sha1")?));
            ("Files", files.collect())
        }
        "ips" => ("Ips", ips().map(|ip| json!({ "id": ip })).collect()),
        _ => {
            let mut hosts: Vec<String> = evidence
                .iter()
                .filter_map(|one| text(one, "url"))
                .map(|url| host(url).to_owned())
                .collect();
            // What the device called the alert's addresses.
            if let Some(table) = tenant.tables.get("DeviceNetworkEvents") {
                for row in table.cells(["RemoteIP", "RemoteUrl"]) {
                    if let [Cell::String(ip), Cell::String(url)] = row
                        && ips().any(|told| told == &**ip)
                    {
                        hosts.push(host(url).to_owned());
                    }
                }
            }
            hosts.sort();
            (
                "Domains",
                hosts.iter().map(|host| json!({ "host": host })).collect(),
            )
        }
    };
    found.dedup();
    Listing::new(name, NO_FIELDS).answer(state, caller.tenant, request, &found, Value::clone)
}

pub(super) fn logon_users(state: &State, request: &Request, id: &str) -> Result<Answer, Failure> {
    let caller = admit(state, request, &["User.Read.All"])?;
    let device = machines::known(state, caller.tenant, id)?;
    let users = users::logged_on(&state.tenants[caller.tenant], &device.id);
    let listing = Listing::new("Users", NO_FIELDS);
    listing.answer(state, caller.tenant, request, &users, Value::clone)
}
