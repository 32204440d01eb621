//! What Microsoft refused, in our own words.

use http::header::LOCATION;
use reqwest::Url;

use super::Call;
use crate::{
    api::ApiError,
    client::Reply,
    entra::consent::admin_consent_link,
    error::{Code, Error, Upstream},
};

/// The two ways in which the Endpoint API says that an equal action is under way.
fn is_in_progress(said: &ApiError) -> bool {
    said.code == "ActiveRequestAlreadyExists" || said.message.contains("already in progress")
}

impl Call<'_> {
    /// A 3xx or 4xx answer in our own words.
    pub(super) fn refusal(&self, url: &Url, reply: &Reply) -> Error {
        let status = reply.status.as_u16();
        let said = ApiError::read(&reply.body);
        let upstream = said.upstream(self.api.name(), status, &reply.headers);
        let api = self.api.subject();
        let quoted = match said.message.is_empty() {
            true => String::new(),
            false => format!(
                " It said: {}",
                said.message.chars().take(600).collect::<String>()
            ),
        };
        let by_feature = matches!(
            said.code.as_str(),
            "DisabledFeature" | "DisallowedOperation"
        );
        let error = match status {
            300..=399 => self.redirected(url, reply),
            401 => Error::new(
                Code::UpstreamRejected,
                format!(
                    "{api} refused a fresh token. Check that the audience setting and the endpoint belong together.{quoted}"
                ),
            ),
            403 if !by_feature => self.missing_permission(&format!(
                "{api} does not let it, although its token carries what this operation is known to need.{quoted}"
            )),
            404 => Error::new(Code::NotFound, format!("{api} does not have it.{quoted}")),
            400 if is_in_progress(&said) => Error::new(
                Code::Conflict,
                format!("{api} has such an action in progress already.{quoted}"),
            ),
            409 | 412 => Error::new(
                Code::Conflict,
                format!("{api} found the state to have moved.{quoted}"),
            ),
            400 if said.message.contains("exceeded the allowed result size") => Error::new(
                Code::TooLarge,
                format!(
                    "The result is larger than {api} returns. Ask for fewer columns or rows, or a shorter time.{quoted}"
                ),
            ),
            _ => {
                let code = if said.code.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", said.code)
                };
                Error::new(
                    Code::UpstreamRejected,
                    format!("{api} answered {status}{code}.{quoted}"),
                )
            }
        };
        error.from_upstream(upstream)
    }

    fn redirected(&self, url: &Url, reply: &Reply) -> Error {
        let location = reply
            .headers
            .get(LOCATION)
            .and_then(|location| url.join(location.to_str().ok()?).ok());
        let target = location.map_or_else(
            || "elsewhere".to_owned(),
            |to| to.origin().ascii_serialization(),
        );
        let detail = format!(
            "{} redirected to {target}, which is not followed: the token is for the configured host only. Check the endpoint setting.",
            url.origin().ascii_serialization()
        );
        Error::new(Code::UpstreamRejected, detail)
    }

    pub(super) fn missing_permission(&self, why: &str) -> Error {
        let config = &self.app.config;
        let link = admin_consent_link(&config.authority, self.tenant.as_str(), &config.client_id);
        let needed: Vec<_> = self
            .needed()
            .into_iter()
            .filter(|any_of| !any_of.is_empty())
            .map(|any_of| any_of.join(" or "))
            .collect();
        let needed = needed.join(", and ");
        Error::new(
            Code::PermissionMissing,
            format!(
                "The app needs the application permission {needed}. {why} Add it to the app registration, then let an \
                 administrator of the tenant grant it: {link}"
            ),
        )
        .from_upstream(Upstream { service: self.api.name(), ..Upstream::default() })
    }
}
