//! Devices: the machines that Defender for Endpoint knows, and what is on them.
//!
//! <https://learn.microsoft.com/defender-endpoint/api/machine>

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    answers,
    endpoint_words::{DeviceValue, ExposureLevel, HealthStatus, OnboardingStatus, RiskScore},
    ids::{DeviceId, DeviceName, EntraDeviceId, Ip, Tag},
    lookup::{self, lookup},
    vocabulary::{Since, instant},
};
use crate::{
    call::Call,
    error::{Error, Result},
    odata::Filter,
    operation::{Answer, Group, Operation, Permissions},
    page::{self, Counted, List, Next, Top},
    time::{Timestamp, to_odata},
};

/// What reading devices takes.
pub const READ: Permissions = Permissions::endpoint(&["Machine.Read.All", "Machine.ReadWrite.All"]);

/// `GET machines`: <https://learn.microsoft.com/defender-endpoint/api/get-machines>.
///
/// `lastSeen` is the last full report, which a device sends about once a day. Where there are no recent devices, Microsoft answers
/// 404, and this an empty list.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListDevices {
    /// The whole DNS name, not a part of it.
    computer_dns_name: Option<String>,
    health_status: Option<HealthStatus>,
    onboarding_status: Option<OnboardingStatus>,
    /// `Windows11`, `WindowsServer2022`, `Linux` and the like; Microsoft adds to them.
    os_platform: Option<String>,
    risk_score: Option<RiskScore>,
    exposure_level: Option<ExposureLevel>,
    device_value: Option<DeviceValue>,
    last_ip_address: Option<Ip>,
    /// The number of a device group.
    rbac_group_id: Option<u64>,
    aad_device_id: Option<EntraDeviceId>,
    seen_since: Option<Since>,
    seen_before: Option<Since>,
    /// OData of the API's own, instead of the fields above.
    filter: Option<String>,
    top: Option<Top>,
    cursor: Option<Next>,
}

impl Operation for ListDevices {
    type Answers = List<'static, answers::Device>;

    const NAME: &'static str = "list_devices";
    const SUMMARY: &'static str =
        "List devices by name, health, platform, risk, exposure, value, address, group or time";
    const GROUP: Group = Group::Devices;
    const ROUTE: (&'static str, &'static str) = ("GET", "/devices");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let listing = Counted::of(call, "machines", |now| self.filter(now))?.none_is_404();
        page::counted(call, listing, self.cursor.as_deref(), self.top).await
    }
}

impl ListDevices {
    fn filter(&self, now: Timestamp) -> Result<Filter> {
        Filter::default()
            .eq("computerDnsName", self.computer_dns_name.as_deref())
            .eq("healthStatus", self.health_status.map(HealthStatus::as_str))
            .eq(
                "onboardingStatus",
                self.onboarding_status.map(OnboardingStatus::as_str),
            )
            .eq("osPlatform", self.os_platform.as_deref())
            .eq("riskScore", self.risk_score.map(RiskScore::as_str))
            .eq(
                "exposureLevel",
                self.exposure_level.map(ExposureLevel::as_str),
            )
            .eq("deviceValue", self.device_value.map(DeviceValue::as_str))
            .eq(
                "lastIpAddress",
                self.last_ip_address.as_ref().map(Ip::as_str),
            )
            .is("rbacGroupId", self.rbac_group_id)
            .is("aadDeviceId", self.aad_device_id.as_ref())
            .at("lastSeen", "ge", instant(self.seen_since, now)?)
            .at("lastSeen", "lt", instant(self.seen_before, now)?)
            .or_raw(self.filter.as_deref())
    }
}

/// `GET machines/findbyip(ip='..',timestamp=..)`: <https://learn.microsoft.com/defender-endpoint/api/find-machines-by-ip>.
///
/// Those that had the internal address within 15 minutes before or after `timestamp`, which is now unless given and at most
/// 30 days ago.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FindDevicesByIp {
    ip: Ip,
    /// Around when, as an instant or a duration back from now: at most 30 days ago.
    timestamp: Option<Since>,
}

impl Operation for FindDevicesByIp {
    type Answers = List<'static, answers::Device>;

    const NAME: &'static str = "find_devices_by_ip";
    const SUMMARY: &'static str = "Find the devices that had an internal IP address around a time";
    const GROUP: Group = Group::Devices;
    const ROUTE: (&'static str, &'static str) = ("GET", "/ips/{ip}/devices");
    const PERMISSIONS: Permissions = READ;

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let now = call.invocation.now;
        let at = instant(self.timestamp, now)?.unwrap_or(now);
        let age = now.duration_since(at);
        if age.is_negative() || age.as_hours() >= 30 * 24 {
            let reason = "Microsoft looks back 30 days at most, and not ahead";
            return Err(Error::field("timestamp", reason));
        }
        let found = format!("findbyip(ip='{}',timestamp={})", self.ip, to_odata(at));
        lookup::list(call, &["machines", &found], &[]).await
    }
}

lookup! {
    /// `GET machines/findbytag`: <https://learn.microsoft.com/defender-endpoint/api/find-machines-by-tag>.
    FindDevicesByTag {
        tag: Tag,
        /// Whether tags count that only begin so.
        starts_with: Option<bool>,
    }
    "find_devices_by_tag": "Find the devices that carry a tag, or one that begins alike";
    Devices, "/tags/{tag}/devices", READ;
    |of| list Device ["machines", "findbytag"] ? [
        ("tag", of.tag.as_str()),
        ("useStartsWithFilter", if of.starts_with == Some(true) { "true" } else { "false" }),
    ]
}

lookup! {
    /// `GET machines/{id}`, by the id or the DNS name: <https://learn.microsoft.com/defender-endpoint/api/get-machine-by-id>.
    GetDevice { device_id: DeviceName }
    "get_device": "Get a device by its id or its DNS name";
    Devices, "/devices/{deviceId}", READ;
    |of| get Device ["machines", of.device_id.as_str()]
}

lookup! {
    /// `GET machines/{id}/alerts`: <https://learn.microsoft.com/defender-endpoint/api/get-machine-related-alerts>.
    ListDeviceAlerts { device_id: DeviceId }
    "list_device_alerts": "List the alerts of a device";
    Devices, "/devices/{deviceId}/alerts", Permissions::endpoint(&["Alert.Read.All", "Alert.ReadWrite.All"]);
    |of| list EndpointAlert ["machines", of.device_id.as_str(), "alerts"]
}

lookup! {
    /// `GET machines/{id}/logonusers`: <https://learn.microsoft.com/defender-endpoint/api/get-machine-log-on-users>.
    ListDeviceUsers { device_id: DeviceId }
    "list_device_users": "List the users that logged on to a device";
    Devices, "/devices/{deviceId}/users", Permissions::endpoint(&["User.Read.All"]);
    |of| list User ["machines", of.device_id.as_str(), "logonusers"]
}

lookup! {
    /// `GET machines/{id}/software`: <https://learn.microsoft.com/defender-endpoint/api/get-installed-software>.
    ListDeviceSoftware { device_id: DeviceId }
    "list_device_software": "List the software on a device";
    Devices, "/devices/{deviceId}/software", Permissions::endpoint(&["Software.Read.All"]);
    |of| list Software ["machines", of.device_id.as_str(), "software"]
}

lookup! {
    /// `GET machines/{id}/vulnerabilities`: <https://learn.microsoft.com/defender-endpoint/api/get-discovered-vulnerabilities>.
    /// 50 calls a minute and 1,500 an hour.
    ListDeviceVulnerabilities { device_id: DeviceId }
    "list_device_vulnerabilities": "List the vulnerabilities of a device";
    Devices, "/devices/{deviceId}/vulnerabilities", Permissions::endpoint(&["Vulnerability.Read.All"]);
    |of| list Vulnerability ["machines", of.device_id.as_str(), "vulnerabilities"]
}

lookup! {
    /// `GET machines/{id}/recommendations`: <https://learn.microsoft.com/defender-endpoint/api/get-security-recommendations>.
    ListDeviceRecommendations { device_id: DeviceId }
    "list_device_recommendations": "List the security recommendations for a device";
    Devices, "/devices/{deviceId}/recommendations", Permissions::endpoint(&["SecurityRecommendation.Read.All"]);
    |of| list Recommendation ["machines", of.device_id.as_str(), "recommendations"]
}

lookup! {
    /// `GET machines/{id}/getmissingkbs`: <https://learn.microsoft.com/defender-endpoint/api/get-missing-kbs-machine>.
    ListDeviceMissingKbs { device_id: DeviceId }
    "list_device_missing_kbs": "List the security updates that a device lacks";
    Devices, "/devices/{deviceId}/missing-kbs", Permissions::endpoint(&["Software.Read.All"]);
    |of| list ProductFix ["machines", of.device_id.as_str(), "getmissingkbs"]
}
