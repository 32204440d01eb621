//! The accounts that logged on to devices, as `DeviceLogonEvents` tells.

use serde_json::{Value, json};

use crate::kql::value::Value as Cell;
use crate::tenant::Tenant;
use crate::time;

pub(super) const LOGONS: &str = "DeviceLogonEvents";

/// One row of the table.
struct Logon {
    at: i64,
    device: String,
    account: String,
    domain: String,
    sid: String,
    kind: String,
    admin: bool,
}

fn logons(tenant: &Tenant) -> Vec<Logon> {
    let columns = [
        "Timestamp",
        "DeviceId",
        "AccountName",
        "AccountDomain",
        "AccountSid",
        "LogonType",
        "IsLocalAdmin",
    ];
    let rows = tenant.tables.get(LOGONS).into_iter();
    rows.flat_map(|table| table.cells(columns))
        .filter_map(|[at, device, account, domain, sid, kind, admin]| match at {
            Cell::DateTime(at) => Some(Logon {
                at: *at,
                device: device.display(),
                account: account.display(),
                domain: domain.display(),
                sid: sid.display(),
                kind: kind.display(),
                admin: admin.is_true(),
            }),
            _ => None,
        })
        .collect()
}

/// The users who logged on to a device, in the order in which they first did.
pub(super) fn logged_on(tenant: &Tenant, device: &str) -> Vec<Value> {
    let logons = logons(tenant);
    let here: Vec<&Logon> = logons
        .iter()
        .filter(|logon| logon.device == device)
        .collect();
    let mut accounts: Vec<&str> = here.iter().map(|logon| logon.account.as_str()).collect();
    let mut seen = Vec::new();
    accounts.retain(|account| {
        !seen.contains(account) && {
            seen.push(*account);
            true
        }
    });
    let of = |account: &str| {
        here.iter()
            .copied()
            .filter(|logon| logon.account == account)
            .collect::<Vec<_>>()
    };
    accounts
        .into_iter()
        .filter_map(|account| told(&of(account)))
        .collect()
}

/// A user by account name, with the devices most and least used.
pub(super) fn user(tenant: &Tenant, account: &str) -> Option<Value> {
    let logons = logons(tenant);
    let own: Vec<&Logon> = logons
        .iter()
        .filter(|logon| logon.account == account)
        .collect();
    let mut devices: Vec<&str> = own.iter().map(|logon| logon.device.as_str()).collect();
    devices.sort_unstable();
    devices.dedup();
    devices.sort_by_key(|device| own.iter().filter(|logon| logon.device == *device).count());
    let mut user = told(&own)?;
    user["accountSid"] = own.first()?.sid.clone().into();
    user["leastPrevalentMachineId"] = devices.first().copied().into();
    user["mostPrevalentMachineId"] = devices.last().copied().into();
    user["logOnMachinesCount"] = devices.len().into();
    Some(user)
}

/// An account's logons as one user.
fn told(logons: &[&Logon]) -> Option<Value> {
    let first = logons.first()?;
    let mut kinds: Vec<&str> = logons.iter().map(|logon| logon.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let times = || logons.iter().map(|logon| logon.at);
    Some(json!({
        "id": format!("{}\\{}", first.domain.to_lowercase(), first.account),
        "accountName": first.account,
        "accountDomain": first.domain,
        "firstSeen": times().min().map(time::format),
        "lastSeen": times().max().map(time::format),
        "logonTypes": kinds.join(","),
        "isDomainAdmin": logons.iter().any(|logon| logon.admin),
        "isOnlyNetworkUser": kinds == ["Network"],
    }))
}
