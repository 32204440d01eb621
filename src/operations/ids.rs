//! Ids, observables and other texts as callers write them, each checked before anything is sent.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{
    rules::{catalogue_id, cve, digits, domain, guid, hex, ip, name, plain, url},
    vocabulary::text_or_number,
};
use crate::time::to_odata;

/// A text that holds to a rule, in the form in which it is sent.
macro_rules! checked {
    ($(#[$doc:meta])* $name:ident, $read:expr, $takes:literal) => {
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
        $(#[$doc])*
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = text_or_number(deserializer)?;
                let read: fn(&str) -> Option<String> = $read;
                read(&text).map(Self).ok_or_else(|| {
                    D::Error::custom(format!(concat!("{:?} is not ", $takes), text))
                })
            }
        }
    };
}

checked!(
    /// The id of a device: 40 hexadecimal digits.
    #[schemars(extend("pattern" = "^[0-9A-Fa-f]{40}$"))]
    DeviceId,
    |text| hex(text, 40),
    "the id of a device, which is 40 hexadecimal digits"
);

checked!(
    /// A device by its id or by its DNS name.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_.~-]*[A-Za-z0-9][A-Za-z0-9_.~-]*$", "maxLength" = 255))]
    DeviceName,
    |text| plain(text, 255),
    "the id of a device (40 hexadecimal digits) or its DNS name"
);

checked!(
    /// The id of a machine action: a GUID.
    #[schemars(extend("pattern" = "^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"))]
    ActionId,
    guid,
    "the id of an action, which is a GUID"
);

checked!(
    /// The id that Microsoft Entra has for a device: a GUID.
    #[schemars(extend("pattern" = "^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"))]
    EntraDeviceId,
    guid,
    "the id of a device in Microsoft Entra, which is a GUID"
);

checked!(
    /// A SHA-1, which is all that quarantine and a file's related lists take.
    #[schemars(extend("pattern" = "^[0-9A-Fa-f]{40}$"))]
    Sha1,
    |text| hex(text, 40),
    "a SHA-1, which is 40 hexadecimal digits"
);

checked!(
    /// A SHA-1 or a SHA-256.
    #[schemars(extend("pattern" = "^([0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})$"))]
    FileHash,
    |text| hex(text, 40).or_else(|| hex(text, 64)),
    "a SHA-1 or a SHA-256, which are 40 or 64 hexadecimal digits"
);

checked!(
    /// An IPv4 or IPv6 address.
    #[schemars(extend("anyOf" = [{ "format": "ipv4" }, { "format": "ipv6" }]))]
    Ip,
    ip,
    "an IP address; a range is not taken"
);

checked!(
    /// A domain with at least two labels.
    #[schemars(extend("pattern" = "^([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\\.)+[A-Za-z_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$", "maxLength" = 253))]
    Domain,
    domain,
    "a domain (`example.com`; international names in their `xn--` form)"
);

checked!(
    /// The name of a user, without the domain.
    #[schemars(extend("pattern" = r"^[^@/\\\x00-\x1f\x7f-\x9f]+$", "maxLength" = 256))]
    UserName,
    |text| name(text, "@/\\"),
    "the user's name alone, not the UPN: `asmith`, neither `asmith@example.com` nor `EXAMPLE\\asmith`"
);

checked!(
    /// The id of a vulnerability: a CVE, or Microsoft's own while there is no CVE yet.
    #[schemars(extend("pattern" = "^([Cc][Vv][Ee]|[Tt][Vv][Mm])-[0-9]{4}-[0-9]{4,19}$"))]
    CveId,
    cve,
    "the id of a vulnerability (`CVE-2026-12345`, or `TVM-2026-0001` while there is no CVE)"
);

checked!(
    /// The id of a software: vendor and product.
    #[schemars(extend("pattern" = r"^[^\s/\\?#]*-_-[^\s/\\?#]*$", "maxLength" = 256))]
    SoftwareId,
    |text| catalogue_id(text),
    "the id of a software (`microsoft-_-edge`)"
);

checked!(
    /// The id of a security recommendation.
    #[schemars(extend("pattern" = r"^[^\s/\\?#]*-_-[^\s/\\?#]*$", "maxLength" = 256))]
    RecommendationId,
    |text| catalogue_id(text),
    "the id of a recommendation (`va-_-microsoft-_-edge`)"
);

checked!(
    /// The id of an indicator: digits.
    #[schemars(extend("type" = ["string", "integer"], "pattern" = "^[0-9]{1,20}$", "minimum" = 0))]
    IndicatorId,
    digits,
    "the id of an indicator, which is a whole number"
);

checked!(
    /// The id of an event's report, as hunting shows it in `ReportId`.
    #[schemars(extend("type" = ["string", "integer"], "pattern" = "^[0-9]{1,20}$", "minimum" = 0))]
    ReportId,
    digits,
    "the id of a report, which is a whole number"
);

checked!(
    /// An instant, in UTC and with Microsoft's precision.
    #[schemars(extend("format" = "date-time"))]
    Instant,
    |text| text.parse().ok().map(to_odata),
    "an RFC 3339 instant (2026-11-20T09:00:00Z)"
);

checked!(
    /// A text of any length.
    #[schemars(extend("pattern" = r"\S"))]
    Text,
    |text| (!text.trim().is_empty()).then(|| text.to_owned()),
    "a text that says something"
);

checked!(
    /// A web address.
    #[schemars(extend("format" = "uri", "pattern" = "^[Hh][Tt][Tt][Pp][Ss]?://"))]
    WebAddress,
    url,
    "a web address (`https://example.com/path`)"
);

checked!(
    /// The id of an investigation, or of the alert that triggered it.
    #[schemars(extend("pattern" = "^[A-Za-z0-9_.~-]*[A-Za-z0-9][A-Za-z0-9_.~-]*$", "maxLength" = 128))]
    InvestigationId,
    |text| plain(text, 128),
    "the id of an investigation or of the alert that triggered it"
);

checked!(
    /// The name of a file in the live response library.
    #[schemars(extend("pattern" = r#"^[^/\\:*?"<>|\x00-\x1f\x7f-\x9f]+$"#, "maxLength" = 256))]
    FileName,
    |text| name(text, "/\\:*?\"<>|").filter(|name| !name.trim_matches('.').is_empty()),
    "the name of a file, without a path and without any of `\" * / : < > ? \\ |`"
);

checked!(
    /// A tag of a device.
    #[schemars(extend("pattern" = r"^[^\x00-\x1f\x7f-\x9f]+$", "maxLength" = 256))]
    Tag,
    |text| name(text, ""),
    "a tag, which is 1 to 256 characters without line breaks"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: serde::de::DeserializeOwned + fmt::Display>(text: &str) -> Result<String, String> {
        let json = serde_json::to_string(text).unwrap();
        serde_json::from_str::<T>(&json)
            .map(|checked| checked.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn ids_are_checked_and_told_in_lower_case() {
        let id = "7B1F4967D9728E5AA3C06A9E617A22A4A5A17378";
        assert_eq!(read::<DeviceId>(id), Ok(id.to_lowercase()));
        for wrong in ["", "7b1f", "../../machines", &"g".repeat(40)] {
            let refusal = read::<DeviceId>(wrong).unwrap_err();
            assert!(refusal.contains("40 hexadecimal digits"), "{refusal}");
        }
        assert!(read::<ActionId>("5382f7ea-7557-4ab7-9782-d50480024a4e").is_ok());
        assert!(read::<ActionId>("5382f7ea75574ab79782d50480024a4e").is_err());
        assert_eq!(
            read::<CveId>("cve-2026-12345"),
            Ok("CVE-2026-12345".to_owned())
        );
        for wrong in [
            "CVE-26-12345",
            "CVE-2026-123",
            "CVE-2026-12345-1",
            "2026-12345",
        ] {
            assert!(read::<CveId>(wrong).is_err(), "{wrong}");
        }
        assert!(read::<SoftwareId>("notepad++-_-notepad++").is_ok());
        for wrong in [
            "edge",
            "microsoft-_-edge/machineReferences",
            "microsoft-_-e dge",
        ] {
            assert!(read::<SoftwareId>(wrong).is_err(), "{wrong}");
        }
        assert!(read::<IndicatorId>("995").is_ok());
        assert!(read::<IndicatorId>("-1").is_err());
        let number: ReportId = serde_json::from_str("20776").unwrap();
        assert_eq!(number.as_str(), "20776");
    }

    #[test]
    fn observables_are_checked_and_told_in_one_form() {
        assert_eq!(read::<Ip>("127.0.0.1"), Ok("127.0.0.1".to_owned()));
        assert_eq!(read::<Ip>("2001:DB8:0:0::1"), Ok("2001:db8::1".to_owned()));
        for wrong in ["10.0.0.0/8", "10.0.0", "::g", "10.0.0.1:80"] {
            assert!(read::<Ip>(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            read::<Domain>("Cdn.Example.COM"),
            Ok("cdn.example.com".to_owned())
        );
        for wrong in [
            "example",
            "-a.example",
            "a..example",
            "10.0.0.1",
            "bücher.example",
            "a.example/b",
        ] {
            assert!(read::<Domain>(wrong).is_err(), "{wrong}");
        }
        for right in ["https://a.example/b?c=d#e", "http://[2001:db8::1]:8080/"] {
            assert_eq!(url(right).as_deref(), Some(right));
        }
        for wrong in [
            "a.example",
            "ftp://a.example/",
            "https://",
            "https://a.example/ b",
            "javascript:alert(1)",
        ] {
            assert_eq!(url(wrong), None, "{wrong}");
        }
        let digest = "a".repeat(64);
        assert!(read::<FileHash>(&digest).is_ok() && read::<Sha1>(&digest).is_err());
    }

    #[test]
    fn names_stay_names() {
        assert_eq!(read::<UserName>("m.sato"), Ok("m.sato".to_owned()));
        let refusal = read::<UserName>("m.sato@harbourline.example").unwrap_err();
        assert!(refusal.contains("not the UPN"), "{refusal}");
        assert_eq!(
            read::<FileName>("Collect Logs.ps1"),
            Ok("Collect Logs.ps1".to_owned())
        );
        for wrong in ["", "..", "a/b.ps1", "c:\\a.ps1", "a\"b", "a\nb"] {
            assert!(read::<FileName>(wrong).is_err(), "{wrong}");
        }
        assert!(read::<DeviceName>("hl-ws-014.harbourline.example").is_ok());
        for wrong in ["", "..", "a/b", "a b"] {
            assert!(read::<DeviceName>(wrong).is_err(), "{wrong}");
        }
        assert!(read::<Tag>("Tier 1").is_ok() && read::<Tag>(" ").is_err());
    }
}
