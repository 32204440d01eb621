//! Microsoft's enum members and the schema's: <https://learn.microsoft.com/graph/api/resources/security-alert>.

/// Microsoft's word, the schema's id and its caption.
pub type Words = [(&'static str, i64, &'static str)];

/// The schema's id and caption.
pub fn known(words: &Words, word: &str) -> Option<(i64, &'static str)> {
    let found = words
        .iter()
        .find(|known| known.0.eq_ignore_ascii_case(word));
    found.map(|(_, id, caption)| (*id, *caption))
}

pub const SEVERITY: &Words = &[
    ("unknown", 0, "Unknown"),
    ("informational", 1, "Informational"),
    ("low", 2, "Low"),
    ("medium", 3, "Medium"),
    ("high", 4, "High"),
];

pub const INCIDENT_STATUS: &Words = &[
    ("unknown", 0, "Unknown"),
    ("active", 1, "New"),
    ("inProgress", 2, "In Progress"),
    ("awaitingAction", 3, "On Hold"),
    ("resolved", 4, "Resolved"),
    // Merged into another: nothing more is done on it.
    ("redirected", 5, "Closed"),
];

pub const ALERT_STATUS: &Words = &[
    ("unknown", 0, "Unknown"),
    ("new", 1, "New"),
    ("inProgress", 2, "In Progress"),
    ("resolved", 4, "Resolved"),
];

const VERDICT: &Words = &[
    ("unknown", 0, "Unknown"),
    ("falsePositive", 1, "False Positive"),
    ("truePositive", 2, "True Positive"),
    ("informationalExpectedActivity", 5, "Benign"),
];

const VERDICT_OF_A_TEST: &Words = &[
    ("unknown", 0, "Unknown"),
    ("falsePositive", 1, "False Positive"),
    ("truePositive", 2, "True Positive"),
    ("informationalExpectedActivity", 6, "Test"),
];

/// Of a classification; the determination tells which kind of expected activity it was.
pub fn verdicts(determination: Option<&str>) -> &'static Words {
    match determination {
        Some("securityTesting") => VERDICT_OF_A_TEST,
        _ => VERDICT,
    }
}

pub const EVIDENCE_VERDICT: &Words = &[
    ("unknown", 0, "Unknown"),
    ("malicious", 2, "True Positive"),
    ("suspicious", 4, "Suspicious"),
    ("noThreatsFound", 5, "Benign"),
];

/// Detection sources of which the kind is known.
pub const ANALYTIC: &Words = &[
    ("customDetection", 1, "Rule"),
    ("nrtAlerts", 1, "Rule"),
    ("scheduledAlerts", 1, "Rule"),
    ("builtInMl", 4, "Learning (ML/DL)"),
];

pub const RISK: &Words = &[
    ("informational", 0, "Info"),
    ("low", 1, "Low"),
    ("medium", 2, "Medium"),
    ("high", 3, "High"),
];

/// How the name of a platform begins.
pub const PLATFORM: &Words = &[
    ("Windows", 100, "Windows"),
    ("macOS", 300, "macOS"),
    ("iOS", 301, "iOS"),
    ("Android", 201, "Android"),
    ("Linux", 200, "Linux"),
    ("Ubuntu", 200, "Linux"),
    ("Debian", 200, "Linux"),
    ("RedHat", 200, "Linux"),
    ("CentOS", 200, "Linux"),
    ("SUSE", 200, "Linux"),
    ("AmazonLinux", 200, "Linux"),
];
