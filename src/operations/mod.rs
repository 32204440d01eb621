//! The operations, one file per resource, and the one table that lists them.

pub mod actions;
pub mod alerts;
mod change;
pub mod collect;
pub mod device_settings;
pub mod devices;
pub mod endpoint_alerts;
pub mod endpoint_words;
pub mod entities;
pub mod exposure;
pub mod hunting;
pub mod ids;
pub mod incidents;
mod indicator;
pub mod indicator_batches;
mod indicator_results;
pub mod indicators;
pub mod investigations;
pub mod library;
pub mod live_response;
mod lookup;
pub mod onboarding;
pub mod response;
mod rows;
mod rules;
pub mod software;
pub mod tenants;
pub mod token;
pub mod vocabulary;

use crate::{
    api::Api,
    config::Config,
    error::{Code, Error, Result},
    operation::Entry,
};

/// Every operation. A line here makes it a function; tests then name the places that still lack it.
// A constant would put all of them into every crate that names it.
pub static OPERATIONS: &[Entry] = &[
    Entry::of::<incidents::ListIncidents>(),
    Entry::of::<incidents::GetIncident>(),
    Entry::of::<incidents::UpdateIncident>(),
    Entry::of::<incidents::CommentIncident>(),
    Entry::of::<alerts::ListAlerts>(),
    Entry::of::<alerts::GetAlert>(),
    Entry::of::<alerts::UpdateAlert>(),
    Entry::of::<alerts::CommentAlert>(),
    Entry::of::<endpoint_alerts::CreateAlert>(),
    Entry::of::<endpoint_alerts::UpdateAlerts>(),
    Entry::of::<endpoint_alerts::ListAlertFiles>(),
    Entry::of::<endpoint_alerts::ListAlertIps>(),
    Entry::of::<endpoint_alerts::ListAlertDomains>(),
    Entry::of::<endpoint_alerts::GetAlertDevice>(),
    Entry::of::<endpoint_alerts::GetAlertUser>(),
    Entry::of::<hunting::RunHuntingQuery>(),
    Entry::of::<collect::CollectIncidents>(),
    Entry::of::<collect::CollectAlerts>(),
    Entry::of::<collect::CollectHunting>(),
    Entry::of::<collect::GetCheckpoint>(),
    Entry::of::<devices::ListDevices>(),
    Entry::of::<devices::GetDevice>(),
    Entry::of::<devices::FindDevicesByIp>(),
    Entry::of::<devices::FindDevicesByTag>(),
    Entry::of::<devices::ListDeviceAlerts>(),
    Entry::of::<devices::ListDeviceUsers>(),
    Entry::of::<devices::ListDeviceSoftware>(),
    Entry::of::<devices::ListDeviceVulnerabilities>(),
    Entry::of::<devices::ListDeviceRecommendations>(),
    Entry::of::<devices::ListDeviceMissingKbs>(),
    Entry::of::<device_settings::TagDevice>(),
    Entry::of::<device_settings::TagDevices>(),
    Entry::of::<device_settings::SetDeviceValue>(),
    Entry::of::<response::IsolateDevice>(),
    Entry::of::<response::ReleaseDevice>(),
    Entry::of::<response::ScanDevice>(),
    Entry::of::<response::CollectPackage>(),
    Entry::of::<response::RestrictApps>(),
    Entry::of::<response::UnrestrictApps>(),
    Entry::of::<response::QuarantineFile>(),
    Entry::of::<response::OffboardDevice>(),
    Entry::of::<live_response::RunLiveResponse>(),
    Entry::of::<actions::ListActions>(),
    Entry::of::<actions::GetAction>(),
    Entry::of::<actions::CancelAction>(),
    Entry::of::<actions::GetPackageUri>(),
    Entry::of::<actions::SavePackage>(),
    Entry::of::<actions::GetLiveResponseResult>(),
    Entry::of::<library::ListLibraryFiles>(),
    Entry::of::<library::UploadLibraryFile>(),
    Entry::of::<library::DeleteLibraryFile>(),
    Entry::of::<indicators::ListIndicators>(),
    Entry::of::<indicators::SubmitIndicator>(),
    Entry::of::<indicator_batches::ImportIndicators>(),
    Entry::of::<indicators::DeleteIndicator>(),
    Entry::of::<indicator_batches::DeleteIndicators>(),
    Entry::of::<entities::GetFile>(),
    Entry::of::<entities::GetFileStats>(),
    Entry::of::<entities::ListFileAlerts>(),
    Entry::of::<entities::ListFileDevices>(),
    Entry::of::<entities::GetIpStats>(),
    Entry::of::<entities::ListIpAlerts>(),
    Entry::of::<entities::GetDomainStats>(),
    Entry::of::<entities::ListDomainAlerts>(),
    Entry::of::<entities::ListDomainDevices>(),
    Entry::of::<entities::ListUserAlerts>(),
    Entry::of::<entities::ListUserDevices>(),
    Entry::of::<exposure::ListVulnerabilities>(),
    Entry::of::<exposure::GetVulnerability>(),
    Entry::of::<exposure::ListVulnerabilityDevices>(),
    Entry::of::<software::ListSoftware>(),
    Entry::of::<software::GetSoftware>(),
    Entry::of::<software::ListSoftwareDevices>(),
    Entry::of::<software::ListSoftwareVulnerabilities>(),
    Entry::of::<software::ListSoftwareVersions>(),
    Entry::of::<software::ListSoftwareMissingKbs>(),
    Entry::of::<software::ListRecommendations>(),
    Entry::of::<software::GetRecommendation>(),
    Entry::of::<software::ListRecommendationDevices>(),
    Entry::of::<software::ListRecommendationSoftware>(),
    Entry::of::<software::ListRecommendationVulnerabilities>(),
    Entry::of::<exposure::GetExposureScore>(),
    Entry::of::<exposure::ListExposureScores>(),
    Entry::of::<exposure::GetSecureScore>(),
    Entry::of::<investigations::ListInvestigations>(),
    Entry::of::<investigations::GetInvestigation>(),
    Entry::of::<token::CheckToken>(),
    Entry::of::<onboarding::OnboardTenant>(),
    Entry::of::<onboarding::CompleteConsent>(),
    Entry::of::<tenants::ListTenants>(),
    Entry::of::<tenants::GetTenant>(),
    Entry::of::<tenants::RemoveTenant>(),
];

/// The operations that the app's permissions are judged by, each with the API that serves it: those of `DEPLOYED_OPERATIONS`, or all
/// that the APIs in use offer.
pub fn deployed(config: &Config) -> Result<Vec<(&'static Entry, Api)>> {
    let with_api = |entry: &'static Entry| (entry, entry.permissions.api(config.api));
    if config.deployed.is_empty() {
        let offered = |(entry, api): &(&Entry, Api)| !entry.permissions.on(*api).is_empty();
        return Ok(OPERATIONS.iter().map(with_api).filter(offered).collect());
    }
    let named = config.deployed.iter().map(|name| known(name).map(with_api));
    let needs_some = |one: &Result<(&Entry, Api)>| {
        one.as_ref()
            .map_or(true, |(entry, _)| !entry.permissions.is_none())
    };
    named.filter(needs_some).collect()
}

/// The operation that `DEPLOYED_OPERATIONS` names.
pub fn known(name: &str) -> Result<&'static Entry> {
    find(name).ok_or_else(|| {
        let detail = format!(
            "DEPLOYED_OPERATIONS has {name:?}; it takes names of operations, separated by commas."
        );
        Error::new(Code::Misconfigured, detail)
    })
}

/// The operation of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    OPERATIONS.iter().find(|entry| entry.name == name)
}
