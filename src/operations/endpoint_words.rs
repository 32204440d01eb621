//! The words of the Endpoint API: taken in camelCase, sent in the letter case that Microsoft documents.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// An enum whose members are sent as they are named here, or as the text beside them says.
macro_rules! endpoint_words {
    ($($(#[$doc:meta])* $name:ident { $($word:ident $(as $spelling:literal)?),* $(,)? })*) => {$(
        #[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
        $(#[$doc])*
        #[schemars(rename_all = "camelCase")]
        pub enum $name { $($word),* }

        impl $name {
            const ALL: &[Self] = &[$(Self::$word),*];

            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => {
                        let _spelling = stringify!($word);
                        $(let _spelling = $spelling;)?
                        _spelling
                    })*
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = String::deserialize(deserializer)?;
                let known = || Self::ALL.iter().copied().map(Self::as_str);
                match known().position(|spelling| camel_case(spelling) == word) {
                    Some(at) => Ok(Self::ALL[at]),
                    None => Err(D::Error::custom(unknown(&word, &mut known()))),
                }
            }
        }
    )*};
}

/// The word as callers write it.
fn camel_case(spelling: &str) -> String {
    let mut letters = spelling.chars();
    match letters.next() {
        Some(first) if letters.clone().any(char::is_lowercase) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => spelling.to_lowercase(),
    }
}

fn unknown(word: &str, known: &mut dyn Iterator<Item = &str>) -> String {
    let known: Vec<_> = known
        .map(|spelling| format!("`{}`", camel_case(spelling)))
        .collect();
    format!(
        "unknown word `{word}`, expected one of {}",
        known.join(", ")
    )
}

endpoint_words! {
    /// Whether a device's sensor reports.
    HealthStatus { Active, Inactive, ImpairedCommunication, NoSensorData, NoSensorDataImpairedCommunication, Unknown }

    /// Whether Defender runs on a device, or could.
    OnboardingStatus { Onboarded as "onboarded", CanBeOnboarded, Unsupported, InsufficientInfo }

    /// How endangered a device is by what happens on it.
    RiskScore { None, Informational, Low, Medium, High }

    /// How endangered a device is by what is installed on it.
    ExposureLevel { None, Low, Medium, High }

    /// How much a device is worth to its owner.
    DeviceValue { Normal, Low, High }

    /// What is done with a tag.
    TagAction { Add, Remove }

    /// How far a machine action is.
    ActionStatus { Pending, InProgress, Succeeded, Failed, TimeOut, Cancelled }

    /// What an indicator is.
    IndicatorType { FileSha1, FileSha256, FileMd5, CertificateThumbprint, IpAddress, DomainName, Url }

    /// What is done where an indicator is met. Older indicators still have the two that can no longer be set.
    IndicatorAction { Warn, Block, Audit, BlockAndRemediate, Allowed, Alert, AlertAndBlock }

    /// How bad it is to meet an indicator.
    IndicatorSeverity { Informational, Low, Medium, High }

    /// How bad an alert is that is made of an event.
    NewAlertSeverity { Low, Medium, High }

    /// What kind of attack an alert tells of.
    AlertCategory {
        General, CommandAndControl, Collection, CredentialAccess, DefenseEvasion, Discovery, Exfiltration, Exploit, Execution,
        InitialAccess, LateralMovement, Malware, Persistence, PrivilegeEscalation, Ransomware, SuspiciousActivity,
    }

    /// How bad a vulnerability is.
    VulnerabilitySeverity { Low, Medium, High, Critical }

    /// What a recommendation is about.
    RecommendationCategory { Accounts, Application, Network, Os as "OS", SecurityControls }

    /// What is to be done by a recommendation.
    RemediationType { ConfigurationChange, Update, Upgrade, Uninstall }

    /// Whether a recommendation stands.
    RecommendationStatus { Active, Exception }

    /// How far an investigation is, or how it ended.
    InvestigationState {
        Unknown, Terminated, SuccessfullyRemediated, Benign, Failed, PartiallyRemediated, Running, PendingApproval,
        PendingResource, PartiallyInvestigated, TerminatedByUser, TerminatedBySystem, Queued, InnerFailure, PreexistingAlert,
        UnsupportedOs, UnsupportedAlertType, SuppressedAlert,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_in_camel_case_and_sent_as_documented() {
        let action: IndicatorAction = serde_json::from_str("\"blockAndRemediate\"").unwrap();
        assert_eq!(
            serde_json::to_string(&action).unwrap(),
            "\"BlockAndRemediate\""
        );
        let status: OnboardingStatus = serde_json::from_str("\"onboarded\"").unwrap();
        assert_eq!(status.as_str(), "onboarded");
        let category: RecommendationCategory = serde_json::from_str("\"os\"").unwrap();
        assert_eq!(category.as_str(), "OS");
        assert!(serde_json::from_str::<IndicatorAction>("\"Block\"").is_err());
    }
}
