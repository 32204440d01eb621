//! Software and the security recommendations about it, part of exposure.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/software>, <https://learn.microsoft.com/defender-endpoint/api/recommendation>.
//! Microsoft names no rate limits for them.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    answers,
    endpoint_words::{RecommendationCategory, RecommendationStatus, RemediationType},
    exposure::VULNERABILITIES,
    ids::{RecommendationId, SoftwareId},
    lookup::{self, lookup},
};
use crate::{
    call::{Call, Object},
    error::Result,
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, Counted, List, Next, Top, Whole},
};

const SOFTWARE: Permissions = Permissions::endpoint(&["Software.Read.All"]);
const RECOMMENDATIONS: Permissions = Permissions::endpoint(&["SecurityRecommendation.Read.All"]);

/// `GET Software`: <https://learn.microsoft.com/defender-endpoint/api/get-software>.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListSoftware {
    /// The product in Microsoft's letter case: `edge`.
    name: Option<String>,
    /// The vendor in Microsoft's letter case: `microsoft`.
    vendor: Option<String>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListSoftware {
    type Answers = List<'static, answers::Software>;

    const NAME: &'static str = "list_software";
    const SUMMARY: &'static str = "List the organisation's software by name or vendor";
    const GROUP: Group = Group::Exposure;
    const ROUTE: (&'static str, &'static str) = ("GET", "/software");
    const PERMISSIONS: Permissions = SOFTWARE;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let filter = Filter::default()
            .eq("name", self.name.as_deref())
            .eq("vendor", self.vendor.as_deref())
            .or_raw(self.filter.as_deref())?;
        let listing = Counted::of(call, "Software", |_| Ok(filter.clone()))?;
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

/// `GET recommendations`: <https://learn.microsoft.com/defender-endpoint/api/get-all-recommendations>.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListRecommendations {
    /// The product that it is about.
    product_name: Option<String>,
    /// The vendor in Microsoft's letter case: `microsoft`.
    vendor: Option<String>,
    /// The version to update to.
    recommended_version: Option<String>,
    /// The program to replace it by.
    recommended_program: Option<String>,
    /// That program's vendor.
    recommended_vendor: Option<String>,
    recommendation_category: Option<RecommendationCategory>,
    /// Microsoft's word for what in the category it is about.
    sub_category: Option<String>,
    remediation_type: Option<RemediationType>,
    status: Option<RecommendationStatus>,
    /// OData of the API's own, instead of the fields above: `severityScore ge 8`.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListRecommendations {
    type Answers = List<'static, answers::Recommendation>;

    const NAME: &'static str = "list_recommendations";
    const SUMMARY: &'static str =
        "List security recommendations by product, category, remediation or status";
    const GROUP: Group = Group::Exposure;
    const ROUTE: (&'static str, &'static str) = ("GET", "/recommendations");
    const PERMISSIONS: Permissions = RECOMMENDATIONS;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let category = self.recommendation_category;
        let filter = Filter::default()
            .eq("productName", self.product_name.as_deref())
            .eq("vendor", self.vendor.as_deref())
            .eq("recommendedVersion", self.recommended_version.as_deref())
            .eq("recommendedProgram", self.recommended_program.as_deref())
            .eq("recommendedVendor", self.recommended_vendor.as_deref())
            .eq(
                "recommendationCategory",
                category.map(RecommendationCategory::as_str),
            )
            .eq("subCategory", self.sub_category.as_deref())
            .eq(
                "remediationType",
                self.remediation_type.map(RemediationType::as_str),
            )
            .eq("status", self.status.map(RecommendationStatus::as_str))
            .or_raw(self.filter.as_deref())?;
        let listing = Counted::of(call, "recommendations", |_| Ok(filter.clone()))?;
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

lookup! {
    /// `GET Software/{id}`: <https://learn.microsoft.com/defender-endpoint/api/get-software-by-id>.
    GetSoftware { software_id: SoftwareId }
    "get_software": "Get a software";
    Exposure, "/software/{softwareId}", SOFTWARE;
    |of| get Software ["Software", of.software_id.as_str()]
}

lookup! {
    /// `GET Software/{id}/machineReferences`: <https://learn.microsoft.com/defender-endpoint/api/get-machines-by-software>.
    ListSoftwareDevices { software_id: SoftwareId }
    "list_software_devices": "List the devices that a software is installed on";
    Exposure, "/software/{softwareId}/devices", SOFTWARE;
    |of| list DeviceReference ["Software", of.software_id.as_str(), "machineReferences"]
}

lookup! {
    /// `GET Software/{id}/vulnerabilities`: <https://learn.microsoft.com/defender-endpoint/api/get-vuln-by-software>.
    ListSoftwareVulnerabilities { software_id: SoftwareId }
    "list_software_vulnerabilities": "List the vulnerabilities of a software";
    Exposure, "/software/{softwareId}/vulnerabilities", VULNERABILITIES;
    |of| list Vulnerability ["Software", of.software_id.as_str(), "vulnerabilities"]
}

lookup! {
    /// `GET Software/{id}/distributions`: <https://learn.microsoft.com/defender-endpoint/api/get-software-ver-distribution>.
    ListSoftwareVersions { software_id: SoftwareId }
    "list_software_versions": "List the installed versions of a software";
    Exposure, "/software/{softwareId}/versions", SOFTWARE;
    |of| list SoftwareVersion ["Software", of.software_id.as_str(), "distributions"]
}

lookup! {
    /// `GET Software/{id}/getmissingkbs`: <https://learn.microsoft.com/defender-endpoint/api/get-missing-kbs-software>.
    ListSoftwareMissingKbs { software_id: SoftwareId }
    "list_software_missing_kbs": "List the security updates of a software that devices lack";
    Exposure, "/software/{softwareId}/missing-kbs", SOFTWARE;
    |of| list ProductFix ["Software", of.software_id.as_str(), "getmissingkbs"]
}

lookup! {
    /// `GET recommendations/{id}`: <https://learn.microsoft.com/defender-endpoint/api/get-recommendation-by-id>.
    GetRecommendation { recommendation_id: RecommendationId }
    "get_recommendation": "Get a security recommendation";
    Exposure, "/recommendations/{recommendationId}", RECOMMENDATIONS;
    |of| get Recommendation ["recommendations", of.recommendation_id.as_str()]
}

lookup! {
    /// `GET recommendations/{id}/machineReferences`: <https://learn.microsoft.com/defender-endpoint/api/get-recommendation-machines>.
    ListRecommendationDevices { recommendation_id: RecommendationId }
    "list_recommendation_devices": "List the devices that a recommendation is about";
    Exposure, "/recommendations/{recommendationId}/devices", RECOMMENDATIONS;
    |of| list DeviceReference ["recommendations", of.recommendation_id.as_str(), "machineReferences"]
}

lookup! {
    /// `GET recommendations/{id}/vulnerabilities`: <https://learn.microsoft.com/defender-endpoint/api/get-recommendation-vulnerabilities>.
    ListRecommendationVulnerabilities { recommendation_id: RecommendationId }
    "list_recommendation_vulnerabilities": "List the vulnerabilities that a recommendation would end";
    Exposure, "/recommendations/{recommendationId}/vulnerabilities", VULNERABILITIES;
    |of| list Vulnerability ["recommendations", of.recommendation_id.as_str(), "vulnerabilities"]
}

/// `GET recommendations/{id}/software`: <https://learn.microsoft.com/defender-endpoint/api/list-recommendation-software>.
///
/// Microsoft's page calls it a list and shows one object; either is answered as a list.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListRecommendationSoftware {
    recommendation_id: RecommendationId,
}

impl Operation for ListRecommendationSoftware {
    type Answers = Whole<answers::Software>;

    const NAME: &'static str = "list_recommendation_software";
    const SUMMARY: &'static str = "List the software that a recommendation is about";
    const GROUP: Group = Group::Exposure;
    const ROUTE: (&'static str, &'static str) =
        ("GET", "/recommendations/{recommendationId}/software");
    /// The page names the first for apps, and the kin of the second for users.
    const PERMISSIONS: Permissions =
        Permissions::endpoint(&["Software.Read.All", "SecurityRecommendation.Read.All"]);

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        #[derive(Deserialize)]
        struct Several<'a> {
            #[serde(borrow)]
            value: Vec<&'a RawValue>,
        }
        let path = [
            "recommendations",
            self.recommendation_id.as_str(),
            "software",
        ];
        let Object(one) = call.get(&path, &[]).await?;
        let items = match serde_json::from_str(one.get()) {
            Ok(Several { value }) => value,
            Err(_) => vec![&*one],
        };
        Ok(Answer::of(&Whole { items }))
    }
}
