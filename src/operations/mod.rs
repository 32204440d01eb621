//! The operations, one file per resource, and the one table that lists them.

pub mod actions;
pub mod alerts;
pub mod answers;
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
    operation::{Entry, Operation},
};

/// Calls a function for every operation, as `of::<ListIncidents>()`, and makes an array of what it answers. A name here makes a
/// function of an operation; tests then name the places that still lack it.
#[macro_export]
macro_rules! each_operation {
    ($of:ident) => { $crate::each_operation! { $of:
        incidents::{ListIncidents, GetIncident, UpdateIncident, CommentIncident}
        alerts::{ListAlerts, GetAlert, UpdateAlert, CommentAlert}
        endpoint_alerts::{
            CreateAlert, UpdateAlerts, ListAlertFiles, ListAlertIps, ListAlertDomains, GetAlertDevice,
            GetAlertUser,
        }
        hunting::{RunHuntingQuery}
        collect::{CollectIncidents, CollectAlerts, CollectHunting, GetCheckpoint}
        devices::{
            ListDevices, GetDevice, FindDevicesByIp, FindDevicesByTag, ListDeviceAlerts, ListDeviceUsers,
            ListDeviceSoftware, ListDeviceVulnerabilities, ListDeviceRecommendations, ListDeviceMissingKbs,
        }
        device_settings::{TagDevice, TagDevices, SetDeviceValue}
        response::{
            IsolateDevice, ReleaseDevice, ScanDevice, CollectPackage, RestrictApps, UnrestrictApps,
            QuarantineFile, OffboardDevice,
        }
        live_response::{RunLiveResponse}
        actions::{ListActions, GetAction, CancelAction, GetPackageUri, SavePackage, GetLiveResponseResult}
        library::{ListLibraryFiles, UploadLibraryFile, DeleteLibraryFile}
        indicators::{ListIndicators, SubmitIndicator}
        indicator_batches::{ImportIndicators}
        indicators::{DeleteIndicator}
        indicator_batches::{DeleteIndicators}
        entities::{
            GetFile, GetFileStats, ListFileAlerts, ListFileDevices, GetIpStats, ListIpAlerts, GetDomainStats,
            ListDomainAlerts, ListDomainDevices, ListUserAlerts, ListUserDevices,
        }
        exposure::{ListVulnerabilities, GetVulnerability, ListVulnerabilityDevices}
        software::{
            ListSoftware, GetSoftware, ListSoftwareDevices, ListSoftwareVulnerabilities, ListSoftwareVersions,
            ListSoftwareMissingKbs, ListRecommendations, GetRecommendation, ListRecommendationDevices,
            ListRecommendationSoftware, ListRecommendationVulnerabilities,
        }
        exposure::{GetExposureScore, ListExposureScores, GetSecureScore}
        investigations::{ListInvestigations, GetInvestigation}
        token::{CheckToken}
        onboarding::{OnboardTenant, CompleteConsent}
        tenants::{ListTenants, GetTenant, RemoveTenant}
    }};
    ($of:ident: $($resource:ident::{$($operation:ident),* $(,)?})*) => {
        [$($($of::<$crate::operations::$resource::$operation>()),*),*]
    };
}

/// Every operation.
// A constant would put all of them into every crate that names it.
pub static OPERATIONS: &[Entry] = &each_operation!(entry);

const fn entry<O: Operation>() -> Entry {
    Entry::of::<O>()
}

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
