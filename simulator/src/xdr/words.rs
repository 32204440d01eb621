//! The Defender APIs' words for what Graph calls otherwise, both ways.

/// Graph's member and the XDR API's; where none is listed, the first letter's case is the only difference.
const DETERMINATIONS: &[(&str, &str)] = &[
    ("unknown", "NotAvailable"),
    ("notMalicious", "Clean"),
    ("notEnoughDataToValidate", "NoEnoughDataToValidate"),
];
const ENDPOINT_DETERMINATIONS: &[(&str, &str)] = &[
    ("notMalicious", "Clean"),
    ("notEnoughDataToValidate", "InsufficientData"),
    ("compromisedAccount", "CompromisedUser"),
    ("confirmedActivity", "ConfirmedUserActivity"),
];
const SERVICE_SOURCES: &[(&str, &str)] = &[
    ("microsoftDefenderForEndpoint", "MicrosoftDefenderATP"),
    ("microsoftDefenderForIdentity", "AzureATP"),
    ("microsoftDefenderForCloudApps", "MicrosoftCloudAppSecurity"),
    ("microsoftDefenderForOffice365", "OfficeATP"),
    ("microsoft365Defender", "MicrosoftThreatProtection"),
    ("azureAdIdentityProtection", "AAD"),
];
const DETECTION_SOURCES: &[(&str, &str)] = &[
    ("antivirus", "WindowsDefenderAv"),
    ("microsoftDefenderForEndpoint", "WindowsDefenderAtp"),
    ("microsoftDefenderForOffice365", "OfficeATP"),
    ("cloudAppSecurity", "MCAS"),
    ("smartScreen", "WindowsDefenderSmartScreen"),
];
const SEVERITIES: &[(&str, &str)] = &[("unknown", "UnSpecified")];

/// Which enum a word is a member of.
#[derive(Clone, Copy)]
pub(crate) enum Enum {
    Plain,
    Determination,
    /// As the Endpoint API has it.
    EndpointDetermination,
    ServiceSource,
    DetectionSource,
    Severity,
}

impl Enum {
    fn exceptions(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Enum::Plain => &[],
            Enum::Determination => DETERMINATIONS,
            Enum::EndpointDetermination => ENDPOINT_DETERMINATIONS,
            Enum::ServiceSource => SERVICE_SOURCES,
            Enum::DetectionSource => DETECTION_SOURCES,
            Enum::Severity => SEVERITIES,
        }
    }

    pub fn to_xdr(self, graph: &str) -> String {
        let exception = self
            .exceptions()
            .iter()
            .find(|(theirs, _)| *theirs == graph);
        exception.map_or_else(
            || first_letter(graph, char::to_ascii_uppercase),
            |(_, ours)| (*ours).to_owned(),
        )
    }

    pub fn to_graph(self, xdr: &str) -> String {
        let exception = self.exceptions().iter().find(|(_, ours)| *ours == xdr);
        exception.map_or_else(
            || first_letter(xdr, char::to_ascii_lowercase),
            |(theirs, _)| (*theirs).to_owned(),
        )
    }
}

fn first_letter(word: &str, case: fn(&char) -> char) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| case(&first))
        .into_iter()
        .chain(letters)
        .collect()
}
