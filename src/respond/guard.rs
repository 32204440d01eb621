//! What a response function must not do, whoever asks: too many actions in an hour, or any on devices that tags keep out.

use serde::Deserialize;

use super::history::{self, Kind};
use crate::{
    call::Call,
    error::{Code, Error, Result},
    time::Timestamp,
};

/// Checks the device's tags, `REQUIRE_DEVICE_TAG` and `FORBID_DEVICE_TAG`.
pub async fn check_tags(call: &Call<'_>, device: &str) -> Result<()> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Device {
        #[serde(default)]
        machine_tags: Option<Vec<String>>,
    }
    let guards = &call.app.config.guards;
    if guards.require_tag.is_none() && guards.forbid_tag.is_none() {
        return Ok(());
    }
    let seen: Device = call.get(&["machines", device], &[]).await?;
    let tags = seen.machine_tags.unwrap_or_default();
    let carries = |wanted: &str| {
        tags.iter()
            .any(|tag| tag.trim().to_lowercase() == wanted.to_lowercase())
    };
    if let Some(tag) = guards.require_tag.as_deref().filter(|tag| !carries(tag)) {
        let detail = format!(
            "REQUIRE_DEVICE_TAG: this function acts on devices tagged `{tag}` only, and {device} is not. Nothing was done."
        );
        return Err(Error::new(Code::Refused, detail));
    }
    if let Some(tag) = guards.forbid_tag.as_deref().filter(|tag| carries(tag)) {
        let detail = format!(
            "FORBID_DEVICE_TAG: this function does not act on devices tagged `{tag}`, and {device} is. Nothing was done."
        );
        return Err(Error::new(Code::Refused, detail));
    }
    Ok(())
}

/// Checks `MAX_ACTIONS_PER_HOUR` against the API's own history, whoever made those actions. `now` is Microsoft's.
pub async fn check_ceiling(call: &Call<'_>, kind: Kind, now: Timestamp) -> Result<()> {
    let Some(most) = call.app.config.guards.max_actions_per_hour else {
        return Ok(());
    };
    let hour_ago = now - jiff::SignedDuration::from_hours(1);
    if most > 0 && !history::reaches(call, kind, hour_ago, most).await? {
        return Ok(());
    }
    let detail = format!(
        "MAX_ACTIONS_PER_HOUR: this function makes at most {most} {} actions an hour, and the tenant had as many in the last \
         one. Nothing was done.",
        kind.name()
    );
    Err(Error::new(Code::Refused, detail))
}
