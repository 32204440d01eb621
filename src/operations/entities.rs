//! Entities: what Defender for Endpoint knows about a file, an IP address, a domain or a user.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/files>, <https://learn.microsoft.com/defender-endpoint/api/user>

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{
    devices::READ as DEVICES,
    ids::{Domain, FileHash, Ip, Sha1, UserName},
    lookup::{self, lookup},
};
use crate::{
    call::Call,
    error::Result,
    operation::{Answer, Group, Operation, Permissions},
};

const ALERTS: Permissions = Permissions::endpoint(&["Alert.Read.All", "Alert.ReadWrite.All"]);
const FILES: Permissions = Permissions::endpoint(&["File.Read.All"]);
const IPS: Permissions = Permissions::endpoint(&["Ip.Read.All"]);
const URLS: Permissions = Permissions::endpoint(&["URL.Read.All"]);

/// How many hours statistics look back: 1 to 720, which is what Microsoft takes without.
#[derive(JsonSchema)]
#[schemars(extend("minimum" = 1, "maximum" = 720, "default" = 720))]
pub struct LookBack(#[schemars(with = "u32")] String);

impl<'de> Deserialize<'de> for LookBack {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            hours @ 1..=720 => Ok(Self(hours.to_string())),
            hours => Err(D::Error::custom(format!(
                "{hours} is not a number of hours from 1 to 720"
            ))),
        }
    }
}

impl LookBack {
    fn query(hours: &Option<Self>) -> Option<(&'static str, &str)> {
        hours
            .as_ref()
            .map(|LookBack(hours)| ("lookBackHours", hours.as_str()))
    }
}

lookup! {
    /// `GET files/{id}`: <https://learn.microsoft.com/defender-endpoint/api/get-file-information>.
    GetFile { hash: FileHash }
    "get_file": "Get what is known about a file by its SHA-1 or SHA-256";
    Entities, "/files/{hash}", FILES;
    |of| get File ["files", of.hash.as_str()]
}

lookup! {
    /// `GET files/{id}/stats`: <https://learn.microsoft.com/defender-endpoint/api/get-file-statistics>.
    GetFileStats { hash: FileHash, look_back_hours: Option<LookBack> }
    "get_file_stats": "Get how common a file is, in the organisation and in the world";
    Entities, "/files/{hash}/stats", FILES;
    |of| get FileStatistics ["files", of.hash.as_str(), "stats"] ? LookBack::query(&of.look_back_hours)
}

lookup! {
    /// `GET files/{id}/alerts`, by SHA-1 only: <https://learn.microsoft.com/defender-endpoint/api/get-file-related-alerts>.
    ListFileAlerts { hash: Sha1 }
    "list_file_alerts": "List the alerts about a file, by its SHA-1";
    Entities, "/files/{hash}/alerts", ALERTS;
    |of| list EndpointAlert ["files", of.hash.as_str(), "alerts"]
}

lookup! {
    /// `GET files/{id}/machines`, by SHA-1 only: <https://learn.microsoft.com/defender-endpoint/api/get-file-related-machines>.
    ListFileDevices { hash: Sha1 }
    "list_file_devices": "List the devices that a file was seen on, by its SHA-1";
    Entities, "/files/{hash}/devices", DEVICES;
    |of| list Device ["files", of.hash.as_str(), "machines"]
}

lookup! {
    /// `GET ips/{ip}/stats`: <https://learn.microsoft.com/defender-endpoint/api/get-ip-statistics>. An unknown address has prevalence 0.
    GetIpStats { ip: Ip, look_back_hours: Option<LookBack> }
    "get_ip_stats": "Get how common an IP address is in the organisation";
    Entities, "/ips/{ip}/stats", IPS;
    |of| get IpStatistics ["ips", of.ip.as_str(), "stats"] ? LookBack::query(&of.look_back_hours)
}

lookup! {
    /// `GET ips/{ip}/alerts`: <https://learn.microsoft.com/defender-endpoint/api/get-ip-related-alerts>.
    ListIpAlerts { ip: Ip }
    "list_ip_alerts": "List the alerts about an IP address";
    Entities, "/ips/{ip}/alerts", ALERTS;
    |of| list EndpointAlert ["ips", of.ip.as_str(), "alerts"]
}

lookup! {
    /// `GET domains/{domain}/stats`: <https://learn.microsoft.com/defender-endpoint/api/get-domain-statistics>. An unknown domain has
    /// prevalence 0.
    GetDomainStats { domain: Domain, look_back_hours: Option<LookBack> }
    "get_domain_stats": "Get how common a domain is in the organisation";
    Entities, "/domains/{domain}/stats", URLS;
    |of| get DomainStatistics ["domains", of.domain.as_str(), "stats"] ? LookBack::query(&of.look_back_hours)
}

lookup! {
    /// `GET domains/{domain}/alerts`: <https://learn.microsoft.com/defender-endpoint/api/get-domain-related-alerts>.
    ListDomainAlerts { domain: Domain }
    "list_domain_alerts": "List the alerts about a domain";
    Entities, "/domains/{domain}/alerts", ALERTS;
    |of| list EndpointAlert ["domains", of.domain.as_str(), "alerts"]
}

lookup! {
    /// `GET domains/{domain}/machines`: <https://learn.microsoft.com/defender-endpoint/api/get-domain-related-machines>. At most 500.
    ListDomainDevices { domain: Domain }
    "list_domain_devices": "List the devices that talked to a domain, 500 at most";
    Entities, "/domains/{domain}/devices", DEVICES;
    |of| list Device ["domains", of.domain.as_str(), "machines"]
}

lookup! {
    /// `GET users/{name}/alerts`: <https://learn.microsoft.com/defender-endpoint/api/get-user-related-alerts>.
    ListUserAlerts { user: UserName }
    "list_user_alerts": "List the alerts about a user, by the name before the @";
    Entities, "/users/{user}/alerts", ALERTS;
    |of| list EndpointAlert ["users", of.user.as_str(), "alerts"]
}

lookup! {
    /// `GET users/{name}/machines`: <https://learn.microsoft.com/defender-endpoint/api/get-user-related-machines>.
    ListUserDevices { user: UserName }
    "list_user_devices": "List the devices that a user logged on to, by the name before the @";
    Entities, "/users/{user}/devices", DEVICES;
    |of| list Device ["users", of.user.as_str(), "machines"]
}
