//! `AGENT_TOOLS`: the operations that are served besides those that read, and the guards that they would undo.

use crate::{
    config::Config,
    error::{Code, Error, Result},
    operation::{Entry, Group},
    operations::{self, OPERATIONS},
};

/// The operations that are named, unless a guard that is set would not hold for them.
pub fn named(config: &Config) -> Result<Vec<&'static Entry>> {
    let named = config.agent_tools.iter().map(|name| known(name));
    let named = named.collect::<Result<Vec<_>>>()?;
    let first = |is: fn(&Entry) -> bool| named.iter().find(|entry| is(entry));
    let guards = &config.guards;
    if let Some(entry) = first(has_ceiling)
        && guards.max_actions_per_hour.is_some()
        && config.leases.is_none()
    {
        let detail = format!(
            "AGENT_TOOLS names {}, and MAX_ACTIONS_PER_HOUR is set without LEASE_TABLE: calls at once would all find room for one more \
             action. Set LEASE_TABLE to the DynamoDB table by which callers take turns, as the template does.",
            entry.name
        );
        return Err(Error::new(Code::Misconfigured, detail));
    }
    let guard = match (&guards.require_tag, &guards.forbid_tag) {
        (Some(_), _) => "REQUIRE_DEVICE_TAG",
        (None, Some(_)) => "FORBID_DEVICE_TAG",
        (None, None) => return Ok(named),
    };
    if let (Some(tags), Some(acts)) = (first(sets_tags), first(heeds_tags)) {
        let detail = format!(
            "AGENT_TOOLS names {} beside {}, and {guard} is set: an agent could tag a device so that the guard lets it act. Name one of \
             the two only, or have a function of its own for each.",
            tags.name, acts.name
        );
        return Err(Error::new(Code::Misconfigured, detail));
    }
    Ok(named)
}

fn known(name: &str) -> Result<&'static Entry> {
    operations::find(name).ok_or_else(|| {
        let names: Vec<_> = OPERATIONS.iter().map(|entry| entry.name).collect();
        let names = names.join(", ");
        let detail = format!(
            "AGENT_TOOLS has {name:?}; it takes names of operations, separated by commas: {names}."
        );
        Error::new(Code::Misconfigured, detail)
    })
}

/// Whether `MAX_ACTIONS_PER_HOUR` bounds it.
fn has_ceiling(entry: &Entry) -> bool {
    entry.group == Group::Response
}

/// Whether it acts on a device only if the device's tags allow it.
fn heeds_tags(entry: &Entry) -> bool {
    has_ceiling(entry) || (entry.group == Group::Actions && entry.changes)
}

fn sets_tags(entry: &Entry) -> bool {
    matches!(entry.name, "tag_device" | "tag_devices")
}
