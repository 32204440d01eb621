//! What Microsoft's own objects look like in answers. They are passed on unread and whole: these name the members that callers rely on
//! and the pages that describe the rest, for the description alone.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::hunting::Column;

/// Objects of which some members are known, and which may have any others. Any but a required one may be null, too.
macro_rules! objects {
    ($($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident: $kind:ty,)* })*) => {$(
        #[derive(JsonSchema)]
        $(#[$doc])*
        #[schemars(rename_all = "camelCase", extend("x-as-sent" = true))]
        pub struct $name {
            $(
                $(#[$member_doc])*
                #[schemars(skip_serializing_if = "Option::is_none")]
                pub $member: Option<$kind>,
            )*
        }
    )*};
}

objects! {
    /// An incident, as the API in use has it: <https://learn.microsoft.com/graph/api/resources/security-incident>, or
    /// <https://learn.microsoft.com/defender-xdr/api-list-incidents>, which names it `incidentId`.
    Incident {
        /// Digits. Microsoft Graph only.
        id: String,
        /// Defender XDR API only.
        incident_id: u64,
        status: String,
        severity: String,
    }

    /// An alert of Microsoft Graph: <https://learn.microsoft.com/graph/api/resources/security-alert>.
    Alert {
        #[schemars(required)]
        id: String,
        incident_id: String,
        title: String,
        status: String,
        severity: String,
        created_date_time: String,
        last_update_date_time: String,
        /// What it is about: devices, users, files and so on.
        evidence: Vec<Map<String, Value>>,
    }

    /// A comment: <https://learn.microsoft.com/graph/api/resources/security-alertcomment>.
    WrittenComment {
        comment: String,
        created_by_display_name: String,
        created_date_time: String,
    }

    /// An alert of the Endpoint API: <https://learn.microsoft.com/defender-endpoint/api/alerts>.
    EndpointAlert {
        #[schemars(required)]
        id: String,
        title: String,
        status: String,
        severity: String,
        /// The id of its device.
        machine_id: String,
    }

    /// A device: <https://learn.microsoft.com/defender-endpoint/api/machine>.
    Device {
        #[schemars(required)]
        id: String,
        computer_dns_name: String,
        os_platform: String,
        health_status: String,
        risk_score: String,
        machine_tags: Vec<String>,
    }

    /// A device in short: <https://learn.microsoft.com/defender-endpoint/api/get-machines-by-vulnerability>.
    DeviceReference {
        #[schemars(required)]
        id: String,
        computer_dns_name: String,
        os_platform: String,
    }

    /// A machine action: <https://learn.microsoft.com/defender-endpoint/api/machineaction>.
    MachineAction {
        /// For `get_action`.
        #[schemars(required)]
        id: String,
        /// `Isolate`, `RunAntiVirusScan`, ...
        r#type: String,
        /// `Pending`, `InProgress`, `Succeeded`, `Failed`, `TimeOut` or `Cancelled`.
        status: String,
        /// The id of its device.
        machine_id: String,
    }

    /// A file of the live response library: <https://learn.microsoft.com/defender-endpoint/api/list-library-files>.
    LibraryFile {
        file_name: String,
        sha256: String,
    }

    /// An indicator: <https://learn.microsoft.com/defender-endpoint/api/ti-indicator>.
    IndicatorEntry {
        /// For `delete_indicator`. Digits.
        #[schemars(required)]
        id: String,
        indicator_value: String,
        indicator_type: String,
        action: String,
        title: String,
    }

    /// A file: <https://learn.microsoft.com/defender-endpoint/api/files>.
    File {
        sha1: String,
        sha256: String,
    }

    /// An IP address: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-ip-info>.
    IpAddress {
        /// The address.
        #[schemars(required)]
        id: String,
    }

    /// A domain: <https://learn.microsoft.com/defender-endpoint/api/get-alert-related-domain-info>.
    DomainName {
        host: String,
    }

    /// A user: <https://learn.microsoft.com/defender-endpoint/api/user>.
    User {
        #[schemars(required)]
        id: String,
        account_name: String,
        account_domain: String,
    }

    /// How common a file is: <https://learn.microsoft.com/defender-endpoint/api/get-file-statistics>.
    FileStatistics {
        sha1: String,
        /// On how many devices of the organisation it was seen.
        organization_prevalence: u64,
        /// How often it was seen in the world.
        globally_prevalence: u64,
    }

    /// How common an IP address is: <https://learn.microsoft.com/defender-endpoint/api/get-ip-statistics>.
    IpStatistics {
        ip_address: String,
        /// How many devices of the organisation talked to it.
        organization_prevalence: u64,
    }

    /// How common a domain is: <https://learn.microsoft.com/defender-endpoint/api/get-domain-statistics>.
    DomainStatistics {
        host: String,
        /// How many devices of the organisation talked to it.
        organization_prevalence: u64,
    }

    /// A vulnerability: <https://learn.microsoft.com/defender-endpoint/api/vulnerability>.
    Vulnerability {
        /// `CVE-2026-12345`
        #[schemars(required)]
        id: String,
        severity: String,
    }

    /// A software: <https://learn.microsoft.com/defender-endpoint/api/software>.
    Software {
        /// `microsoft-_-edge`
        #[schemars(required)]
        id: String,
        name: String,
        vendor: String,
    }

    /// An installed version: <https://learn.microsoft.com/defender-endpoint/api/get-software-ver-distribution>.
    SoftwareVersion {
        version: String,
        installations: u64,
    }

    /// A security update: <https://learn.microsoft.com/defender-endpoint/api/get-missing-kbs-machine>.
    ProductFix {
        /// The number of its article.
        #[schemars(required)]
        id: String,
        name: String,
    }

    /// A security recommendation: <https://learn.microsoft.com/defender-endpoint/api/recommendation>.
    Recommendation {
        #[schemars(required)]
        id: String,
        recommendation_name: String,
        severity_score: f64,
    }

    /// An automated investigation: <https://learn.microsoft.com/defender-endpoint/api/investigation>.
    Investigation {
        #[schemars(required)]
        id: String,
        state: String,
        /// The id of its device.
        machine_id: String,
    }

    /// A score, of a device group where it has a `rbacGroupName`: <https://learn.microsoft.com/defender-endpoint/api/score>.
    Score {
        time: String,
        score: f64,
    }
}

/// The rows that a query found, each an object of the schema's columns.
#[derive(JsonSchema)]
pub struct Rows {
    pub schema: Vec<Column>,
    pub results: Vec<Map<String, Value>>,
}
