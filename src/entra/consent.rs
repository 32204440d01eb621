//! The link under which an administrator grants the app its permissions.

use reqwest::Url;

/// The admin-consent page of one tenant, <https://learn.microsoft.com/entra/identity-platform/v2-admin-consent>.
///
/// It asks for everything that the app registration lists, so a permission must be added there first.
pub fn admin_consent_link(authority: &Url, tenant: &str, client_id: &str) -> String {
    format!("{authority}{tenant}/adminconsent?client_id={client_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_names_the_tenant_and_the_app() {
        let authority = Url::parse("https://login.microsoftonline.com").unwrap();
        assert_eq!(
            admin_consent_link(&authority, "fjordlys.example", "0f1e2d3c"),
            "https://login.microsoftonline.com/fjordlys.example/adminconsent?client_id=0f1e2d3c"
        );
    }
}
