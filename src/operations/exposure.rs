//! Exposure as a whole: scores, and the vulnerabilities that threaten the organisation.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/vulnerability>, <https://learn.microsoft.com/defender-endpoint/api/score>.
//! Microsoft names no rate limits for them.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    answers,
    endpoint_words::VulnerabilitySeverity,
    ids::CveId,
    lookup::{self, lookup},
    vocabulary::{Since, instant},
};
use crate::{
    call::Call,
    error::Result,
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, Counted, List, Next, Top},
    time::Timestamp,
};

/// What reading vulnerabilities takes.
pub const VULNERABILITIES: Permissions = Permissions::endpoint(&["Vulnerability.Read.All"]);
const SCORES: Permissions = Permissions::endpoint(&["Score.Read.All"]);

/// `GET vulnerabilities`: <https://learn.microsoft.com/defender-endpoint/api/get-all-vulnerabilities>.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListVulnerabilities {
    severity: Option<VulnerabilitySeverity>,
    published_since: Option<Since>,
    published_before: Option<Since>,
    updated_since: Option<Since>,
    updated_before: Option<Since>,
    /// OData of the API's own, instead of the fields above: `cvssV3 ge 9`.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListVulnerabilities {
    type Answers = List<'static, answers::Vulnerability>;

    const NAME: &'static str = "list_vulnerabilities";
    const SUMMARY: &'static str = "List vulnerabilities by severity or time";
    const GROUP: Group = Group::Exposure;
    const ROUTE: (&'static str, &'static str) = ("GET", "/vulnerabilities");
    const PERMISSIONS: Permissions = VULNERABILITIES;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let listing = Counted::of(call, "vulnerabilities", |now| self.filter(now))?.by(8_000);
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

impl ListVulnerabilities {
    fn filter(&self, now: Timestamp) -> Result<Filter> {
        Filter::default()
            .eq("severity", self.severity.map(VulnerabilitySeverity::as_str))
            .at("publishedOn", "ge", instant(self.published_since, now)?)
            .at("publishedOn", "lt", instant(self.published_before, now)?)
            .at("updatedOn", "ge", instant(self.updated_since, now)?)
            .at("updatedOn", "lt", instant(self.updated_before, now)?)
            .or_raw(self.filter.as_deref())
    }
}

lookup! {
    /// `GET vulnerabilities/{cveId}`: <https://learn.microsoft.com/defender-endpoint/api/get-vulnerability-by-id>.
    GetVulnerability { cve_id: CveId }
    "get_vulnerability": "Get a vulnerability";
    Exposure, "/vulnerabilities/{cveId}", VULNERABILITIES;
    |of| get Vulnerability ["vulnerabilities", of.cve_id.as_str()]
}

lookup! {
    /// `GET vulnerabilities/{cveId}/machineReferences`: <https://learn.microsoft.com/defender-endpoint/api/get-machines-by-vulnerability>.
    ListVulnerabilityDevices { cve_id: CveId }
    "list_vulnerability_devices": "List the devices that a vulnerability affects";
    Exposure, "/vulnerabilities/{cveId}/devices", VULNERABILITIES;
    |of| list DeviceReference ["vulnerabilities", of.cve_id.as_str(), "machineReferences"]
}

lookup! {
    /// `GET exposureScore`: <https://learn.microsoft.com/defender-endpoint/api/get-exposure-score>.
    GetExposureScore {}
    "get_exposure_score": "Get the organisation's exposure score";
    Exposure, "/exposure-score", SCORES;
    |_of| get Score ["exposureScore"]
}

lookup! {
    /// `GET exposureScore/ByMachineGroups`: <https://learn.microsoft.com/defender-endpoint/api/get-machine-group-exposure-score>.
    ListExposureScores {}
    "list_exposure_scores": "List the exposure scores by device group";
    Exposure, "/exposure-score/groups", SCORES;
    |_of| list Score ["exposureScore", "ByMachineGroups"]
}

lookup! {
    /// `GET configurationScore`: <https://learn.microsoft.com/defender-endpoint/api/get-device-secure-score>.
    GetSecureScore {}
    "get_secure_score": "Get the organisation's secure score for devices";
    Exposure, "/secure-score", SCORES;
    |_of| get Score ["configurationScore"]
}
