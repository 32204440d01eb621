//! The administrator who is asked for consent: whose tenant is signed in to, and the buttons pressed without a browser.

use crate::request::Request;
use crate::{Simulator, routes, server};

/// What an administrator makes of a request for consent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    Accept,
    Decline,
}

impl Simulator {
    /// The tenant whose administrator is asked for consent under `organizations` and `common`; at first the last of the
    /// tenants' folders, which has consented to nothing.
    ///
    /// # Panics
    /// If there is no such tenant.
    pub fn sign_in(&self, tenant_id_or_domain: &str) {
        let mut state = server::lock(&self.state);
        assert!(
            state.tenant(tenant_id_or_domain).is_some(),
            "no tenant {tenant_id_or_domain}"
        );
        state.signed_in = tenant_id_or_domain.to_owned();
    }

    /// Presses a button of the consent page at `link` and answers where the administrator's browser is sent, or the page
    /// that it shows instead. Nothing of this is in the log of requests.
    pub fn decide(&self, link: &str, decision: Decision) -> Result<String, String> {
        let below = link.strip_prefix(self.origin.as_str()).unwrap_or(link);
        let body = match decision {
            Decision::Accept => "decision=accept",
            Decision::Decline => "decision=decline",
        };
        let request = Request::post(below, body);
        let mut answer = routes::answer(&mut server::lock(&self.state), &request);
        let mut headers = answer.headers.iter();
        match headers.find(|(name, _)| name == "location") {
            Some((_, to)) => Ok(to.clone()),
            None => Err(String::from_utf8_lossy(&answer.collect()).into_owned()),
        }
    }
}
