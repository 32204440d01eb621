//! What bounds the functions that act on devices.

use super::environment::{Environment, misconfigured};
use crate::error::Result;

/// What a response function must not do, whoever asks.
#[derive(Debug, Default)]
pub struct Guards {
    /// `MAX_ACTIONS_PER_HOUR`: so many actions of one kind, in the whole tenant.
    pub max_actions_per_hour: Option<u32>,
    /// `REQUIRE_DEVICE_TAG`: the device must carry it.
    pub require_tag: Option<String>,
    /// `FORBID_DEVICE_TAG`: the device must not carry it.
    pub forbid_tag: Option<String>,
}

impl Environment<'_> {
    pub(super) fn guards(&self) -> Result<Guards> {
        let name = "MAX_ACTIONS_PER_HOUR";
        let most = self.get(name).map(|text| {
            text.trim()
                .parse()
                .map_err(|_| misconfigured(name, format!("is {text:?}; it takes a whole number")))
        });
        let tag = |name| match self.get(name) {
            Some(tag) if tag.contains(',') => {
                Err(misconfigured(name, format!("is {tag:?}; it takes one tag")))
            }
            tag => Ok(tag.map(|tag| tag.trim().to_owned())),
        };
        Ok(Guards {
            max_actions_per_hour: most.transpose()?,
            require_tag: tag("REQUIRE_DEVICE_TAG")?,
            forbid_tag: tag("FORBID_DEVICE_TAG")?,
        })
    }
}
