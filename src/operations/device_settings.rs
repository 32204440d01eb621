//! What can be set on devices: tags and value. Each change leads to the same state however often it is made.

use std::collections::HashSet;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answers,
    change::answered,
    endpoint_words::{DeviceValue, TagAction},
    ids::{DeviceId, Tag},
};
use crate::{
    call::{Call, Object},
    error::{Error, Result},
    operation::{Answer, Group, Operation, Permissions},
};

const CHANGE: Permissions = Permissions::endpoint(&["Machine.ReadWrite.All"]);

/// Microsoft takes no more in one request.
const MOST_DEVICES: usize = 500;

const TAG_LOST: &str = "Repeating it is safe: a tag that is added twice is there once, and one that is removed twice is gone.";

/// A tag as Microsoft takes it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tagging<'a> {
    value: &'a str,
    action: TagAction,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    machine_ids: &'a [&'a str],
}

/// `POST machines/{id}/tags`: <https://learn.microsoft.com/defender-endpoint/api/add-or-remove-machine-tags>. Answers the device.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagDevice {
    device_id: DeviceId,
    tag: Tag,
    action: TagAction,
}

impl Operation for TagDevice {
    type Answers = answers::Device;

    const NAME: &'static str = "tag_device";
    const SUMMARY: &'static str = "Add a tag to a device, or remove it";
    const GROUP: Group = Group::Devices;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/{deviceId}/tags");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let path = ["machines", self.device_id.as_str(), "tags"];
        let body = Tagging {
            value: self.tag.as_str(),
            action: self.action,
            machine_ids: &[],
        };
        let sent = call.change(Method::POST, &path, &body).await?;
        let Object(device) = answered(sent, TAG_LOST)?;
        Ok(Answer::unread(device))
    }
}

/// `POST machines/AddOrRemoveTagForMultipleMachines`:
/// <https://learn.microsoft.com/defender-endpoint/api/add-or-remove-multiple-machine-tags>. At most 500 devices.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TagDevices {
    /// Those to tag; one that is named twice counts once.
    #[schemars(length(min = 1, max = MOST_DEVICES))]
    device_ids: Vec<DeviceId>,
    tag: Tag,
    action: TagAction,
}

/// The devices whose tag was changed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "TaggedDevices")]
pub struct Tagged<'a> {
    device_ids: &'a [&'a str],
    updated: bool,
}

impl Operation for TagDevices {
    type Answers = Tagged<'static>;

    const NAME: &'static str = "tag_devices";
    const SUMMARY: &'static str = "Add a tag to up to 500 devices, or remove it";
    const GROUP: Group = Group::Devices;
    const ROUTE: (&'static str, &'static str) = ("POST", "/devices/tags");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let mut seen = HashSet::new();
        let ids = self.device_ids.iter().map(DeviceId::as_str);
        let ids: Vec<_> = ids.filter(|id| seen.insert(*id)).collect();
        if !(1..=MOST_DEVICES).contains(&ids.len()) {
            let reason = format!("{} different devices; give 1 to {MOST_DEVICES}", ids.len());
            return Err(Error::field("deviceIds", reason));
        }
        let path = ["machines", "AddOrRemoveTagForMultipleMachines"];
        let body = Tagging {
            value: self.tag.as_str(),
            action: self.action,
            machine_ids: &ids,
        };
        let sent = call
            .change_silently(Method::POST, &path, Some(&body))
            .await?;
        answered(sent, TAG_LOST)?;
        Ok(Answer::of(&Tagged {
            device_ids: &ids,
            updated: true,
        }))
    }
}

/// `POST machines/{id}/setDeviceValue`: <https://learn.microsoft.com/defender-endpoint/api/set-device-value>. Answers the device.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetDeviceValue {
    device_id: DeviceId,
    value: DeviceValue,
}

impl Operation for SetDeviceValue {
    type Answers = answers::Device;

    const NAME: &'static str = "set_device_value";
    const SUMMARY: &'static str = "Set how much a device is worth: it weighs in the exposure score";
    const GROUP: Group = Group::Devices;
    const ROUTE: (&'static str, &'static str) = ("PATCH", "/devices/{deviceId}/value");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = CHANGE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Body {
            device_value: DeviceValue,
        }
        let path = ["machines", self.device_id.as_str(), "setDeviceValue"];
        let body = Body {
            device_value: self.value,
        };
        let sent = call.change(Method::POST, &path, &body).await?;
        let Object(device) = answered(sent, "Repeating it is safe: it sets the same value again.")?;
        Ok(Answer::unread(device))
    }
}
