//! Indicators: files, addresses, domains, URLs and certificates that the organisation blocks, allows or watches. 15,000 of them can be
//! active in a tenant.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/ti-indicator>. With the permission `Ti.ReadWrite` an app sees and changes its own
//! only, with `Ti.ReadWrite.All` those of others too.

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    answers,
    change::answered,
    endpoint_words::{IndicatorAction, IndicatorSeverity, IndicatorType},
    ids::IndicatorId,
    indicator::Indicator,
    vocabulary::{Since, instant},
};
use crate::{
    call::{Call, Object},
    error::{Error, Result},
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, Counted, List, Next, Top},
    time::Timestamp,
};

/// What everything about indicators takes; there is no permission that only reads them.
pub const INDICATORS: Permissions = Permissions::endpoint(&["Ti.ReadWrite", "Ti.ReadWrite.All"]);

/// `GET indicators`: <https://learn.microsoft.com/defender-endpoint/api/get-ti-indicators-collection>. Those that have not expired.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListIndicators {
    /// The whole value.
    indicator_value: Option<String>,
    indicator_type: Option<IndicatorType>,
    action: Option<IndicatorAction>,
    severity: Option<IndicatorSeverity>,
    /// The whole title.
    title: Option<String>,
    /// The application that it was made for.
    application: Option<String>,
    /// Whether it makes alerts.
    generate_alert: Option<bool>,
    /// The id of the app or user that made it.
    created_by: Option<String>,
    /// The name of the app or user that made it.
    created_by_display_name: Option<String>,
    created_since: Option<Since>,
    created_before: Option<Since>,
    expires_since: Option<Since>,
    expires_before: Option<Since>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListIndicators {
    type Answers = List<'static, answers::IndicatorEntry>;

    const NAME: &'static str = "list_indicators";
    const SUMMARY: &'static str =
        "List indicators by value, type, action, severity, author or time";
    const GROUP: Group = Group::Indicators;
    const ROUTE: (&'static str, &'static str) = ("GET", "/indicators");
    const PERMISSIONS: Permissions = INDICATORS;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let listing = Counted::of(call, "indicators", |now| self.filter(now))?;
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

impl ListIndicators {
    fn filter(&self, now: Timestamp) -> Result<Filter> {
        Filter::default()
            .eq("indicatorValue", self.indicator_value.as_deref())
            .eq(
                "indicatorType",
                self.indicator_type.map(IndicatorType::as_str),
            )
            .eq("action", self.action.map(IndicatorAction::as_str))
            .eq("severity", self.severity.map(IndicatorSeverity::as_str))
            .eq("title", self.title.as_deref())
            .eq("application", self.application.as_deref())
            .is("generateAlert", self.generate_alert)
            .eq("createdBy", self.created_by.as_deref())
            .eq(
                "createdByDisplayName",
                self.created_by_display_name.as_deref(),
            )
            .at(
                "creationTimeDateTimeUtc",
                "ge",
                instant(self.created_since, now)?,
            )
            .at(
                "creationTimeDateTimeUtc",
                "lt",
                instant(self.created_before, now)?,
            )
            .at("expirationTime", "ge", instant(self.expires_since, now)?)
            .at("expirationTime", "lt", instant(self.expires_before, now)?)
            .or_raw(self.filter.as_deref())
    }
}

/// `POST indicators`: <https://learn.microsoft.com/defender-endpoint/api/post-ti-indicator>. Answers the indicator.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SubmitIndicator(Indicator);

impl Operation for SubmitIndicator {
    type Answers = answers::IndicatorEntry;

    const NAME: &'static str = "submit_indicator";
    const SUMMARY: &'static str = "Make an indicator, or update the one of its type and value";
    const GROUP: Group = Group::Indicators;
    const ROUTE: (&'static str, &'static str) = ("POST", "/indicators");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = INDICATORS;

    async fn run(mut self, call: &Call<'_>) -> Result<Answer> {
        let checked = self.0.check(call.invocation.now);
        checked.map_err(|(field, reason)| Error::field(field, reason))?;
        let sent = call.change(Method::POST, &["indicators"], &self.0).await?;
        let Object(indicator) = answered(
            sent,
            "Repeating it is safe: an indicator of the same type and value is updated.",
        )?;
        Ok(Answer::unread(indicator))
    }
}

/// `DELETE indicators/{id}`: <https://learn.microsoft.com/defender-endpoint/api/delete-ti-indicator-by-id>.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeleteIndicator {
    indicator_id: IndicatorId,
}

/// The indicator that was deleted.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "DeletedIndicator")]
pub struct Deleted<'a> {
    indicator_id: &'a str,
    deleted: bool,
}

impl Operation for DeleteIndicator {
    type Answers = Deleted<'static>;

    const NAME: &'static str = "delete_indicator";
    const SUMMARY: &'static str = "Delete an indicator";
    const GROUP: Group = Group::Indicators;
    const ROUTE: (&'static str, &'static str) = ("DELETE", "/indicators/{indicatorId}");
    const CHANGES: bool = true;
    const PERMISSIONS: Permissions = INDICATORS;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let path = ["indicators", self.indicator_id.as_str()];
        let sent = call
            .change_silently(Method::DELETE, &path, None::<&()>)
            .await?;
        answered(
            sent,
            "Repeating it is safe: an indicator that is gone is not found.",
        )?;
        Ok(Answer::of(&Deleted {
            indicator_id: self.indicator_id.as_str(),
            deleted: true,
        }))
    }
}
