//! An indicator before it is sent: every field checked, so that Microsoft has nothing to refuse that could be known before.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/ti-indicator>

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    endpoint_words::{IndicatorAction, IndicatorSeverity, IndicatorType},
    ids::{Instant, Text, WebAddress},
    rules,
};
use crate::time::Timestamp;

/// What is wrong with which field.
pub type Flaw = (&'static str, String);

/// An indicator to be made, or to be updated where one of its type and value is there.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Indicator {
    /// A hash, an address (no range), a domain or a URL, as the type says.
    pub indicator_value: String,
    pub indicator_type: IndicatorType,
    action: IndicatorAction,
    title: Text,
    description: Text,
    /// When it ends; never if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_time: Option<Instant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<IndicatorSeverity>,
    /// What somebody should do who sees the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended_actions: Option<String>,
    /// The device groups that it is for; all of them if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    rbac_group_names: Option<Vec<String>>,
    /// Where the warning on the device leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    educate_url: Option<WebAddress>,
    /// Whether it makes alerts. The action `audit` needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    generate_alert: Option<bool>,
    /// An update does not change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<String>,
}

impl Indicator {
    /// Checks what the fields' own types cannot, and puts the value in the form in which it is sent.
    pub fn check(&mut self, now: Timestamp) -> Result<(), Flaw> {
        self.indicator_value = self.value()?;
        let action = self.action;
        if matches!(
            action,
            IndicatorAction::Alert | IndicatorAction::AlertAndBlock
        ) {
            let reason = "Microsoft has not taken `alert` and `alertAndBlock` since January 2022; take `audit` or `block` with \
                          `generateAlert`";
            return Err(("action", reason.to_owned()));
        }
        if action == IndicatorAction::Audit && self.generate_alert != Some(true) {
            let reason = "must be given as `true` with the action `audit`, which does nothing else";
            return Err(("generateAlert", reason.to_owned()));
        }
        let web = matches!(
            self.indicator_type,
            IndicatorType::Url | IndicatorType::DomainName
        );
        let shown = matches!(action, IndicatorAction::Block | IndicatorAction::Warn);
        if self.educate_url.is_some() && !(web && shown) {
            let reason = "goes with the actions `block` and `warn` of a URL or a domain only";
            return Err(("educateUrl", reason.to_owned()));
        }
        let expires = self
            .expiration_time
            .as_ref()
            .map(|at| at.as_str().parse::<Timestamp>());
        if expires.is_some_and(|at| at.is_ok_and(|at| at <= now)) {
            return Err(("expirationTime", "is not in the future".to_owned()));
        }
        Ok(())
    }

    fn value(&self) -> Result<String, Flaw> {
        let text = self.indicator_value.as_str();
        let (value, takes) = match self.indicator_type {
            IndicatorType::FileSha1 => (rules::hex(text, 40), "a SHA-1 of 40 hexadecimal digits"),
            IndicatorType::FileSha256 => {
                (rules::hex(text, 64), "a SHA-256 of 64 hexadecimal digits")
            }
            IndicatorType::FileMd5 => (rules::hex(text, 32), "an MD5 of 32 hexadecimal digits"),
            IndicatorType::CertificateThumbprint => (
                rules::hex(text, 40),
                "a certificate's SHA-1 thumbprint of 40 hexadecimal digits",
            ),
            IndicatorType::IpAddress => {
                (rules::ip(text), "an IP address; Microsoft takes no ranges")
            }
            IndicatorType::DomainName => (rules::domain(text), "a domain"),
            IndicatorType::Url => (
                rules::url(text),
                "a URL that begins with `http://` or `https://`",
            ),
        };
        value.ok_or_else(|| ("indicatorValue", format!("{text:?} is not {takes}")))
    }
}
