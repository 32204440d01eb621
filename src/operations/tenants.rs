//! The registry of a partner's customers: those that were invited, and those that are served.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{
    call::Call,
    config::{Tenant, is_guid},
    error::{Code, Error, Result},
    operation::{Answer, Group, Operation, Permissions},
    page::{List, Next, Top},
    tenants::{Standing, registry::Registry, row::Registered},
};

/// Lists the registered tenants, in no order; those that were removed only by `state`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListTenants {
    state: Option<Standing>,
    #[serde(default)]
    top: Top,
    cursor: Option<Next>,
}

/// Where a list goes on: after that tenant, with that filter.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    after: String,
    state: Option<Standing>,
}

impl Operation for ListTenants {
    type Answers = List<'static, Registered>;

    const NAME: &'static str = "list_tenants";
    const SUMMARY: &'static str = "List the registered tenants";
    const GROUP: Group = Group::Tenants;
    const ROUTE: (&'static str, &'static str) = ("GET", "/tenants");
    const TENANT_IS_SUBJECT: bool = true;
    const PERMISSIONS: Permissions = Permissions::none();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let cursor = self.cursor.as_deref().map(Cursor::read).transpose()?;
        let state = match (self.state, &cursor) {
            (None, Some(cursor)) => cursor.state,
            (state, Some(cursor)) if cursor.state != state => {
                let reason =
                    "it belongs to a list with another `state`; repeat that, or leave it out";
                return Err(Error::field("cursor", reason));
            }
            (state, _) => state,
        };
        let after = cursor.map(|cursor| cursor.after);
        let rows = Registry::of(call)?
            .list(state, after, self.top.get())
            .await?;
        Ok(Answer::of(&List {
            items: &rows.items,
            next: rows.next.map(|after| Cursor { after, state }.to_text()),
            incomplete: Vec::new(),
        }))
    }
}

impl Cursor {
    fn read(text: &str) -> Result<Self> {
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let cursor = json.and_then(|json| serde_json::from_slice::<Self>(&json).ok());
        cursor
            .filter(|cursor| is_guid(&cursor.after))
            .ok_or_else(|| {
                let reason =
                    "this is not a cursor; pass the `next` of an earlier answer, unchanged";
                Error::field("cursor", reason)
            })
    }

    fn to_text(&self) -> String {
        let json = serde_json::to_vec(self).expect("a cursor is strings");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }
}

/// Looks a tenant up in the registry.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetTenant {
    tenant_id: TenantId,
}

impl Operation for GetTenant {
    type Answers = Registered;

    const NAME: &'static str = "get_tenant";
    const SUMMARY: &'static str = "Get a registered tenant";
    const GROUP: Group = Group::Tenants;
    const ROUTE: (&'static str, &'static str) = ("GET", "/tenants/{tenantId}");
    const TENANT_IS_SUBJECT: bool = true;
    const PERMISSIONS: Permissions = Permissions::none();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let TenantId(tenant) = self.tenant_id;
        call.trace.is_about(tenant.as_str());
        let registered = Registry::of(call)?.get(&tenant).await?;
        registered
            .map(|registered| Answer::of(&registered))
            .ok_or_else(|| not_registered(&tenant))
    }
}

/// Removes a tenant from the registry, after which it is served for another minute at most. No invitation that was made before brings it
/// back, only a new one of its own. The consent in the customer's tenant stays until its administrator deletes the enterprise application
/// there.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoveTenant {
    tenant_id: TenantId,
}

/// The tenant that was removed.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "RemovedTenant")]
pub struct Removed<'a> {
    tenant_id: &'a str,
    removed: bool,
}

impl Operation for RemoveTenant {
    type Answers = Removed<'static>;

    const NAME: &'static str = "remove_tenant";
    const SUMMARY: &'static str = "Remove a tenant from the registry";
    const GROUP: Group = Group::Tenants;
    const ROUTE: (&'static str, &'static str) = ("DELETE", "/tenants/{tenantId}");
    const TENANT_IS_SUBJECT: bool = true;
    const PERMISSIONS: Permissions = Permissions::none();

    async fn run(self, call: &Call<'_>) -> Result<Answer> {
        let TenantId(tenant) = self.tenant_id;
        call.trace.is_about(tenant.as_str());
        match Registry::of(call)?.remove(&tenant).await? {
            true => Ok(Answer::of(&Removed {
                tenant_id: tenant.as_str(),
                removed: true,
            })),
            false => Err(not_registered(&tenant)),
        }
    }
}

fn not_registered(tenant: &Tenant) -> Error {
    let detail = format!("The tenant {} is not registered.", tenant.as_str());
    Error::new(Code::NotFound, detail)
}

/// A tenant by its GUID or by a verified domain.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = r"^([0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}|[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+)$", "maxLength" = 253))]
pub struct TenantName(#[schemars(with = "String")] pub Tenant);

impl<'de> Deserialize<'de> for TenantName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Tenant::parse(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is not the GUID of a tenant or a domain of its"
            ))
        })
    }
}

/// A tenant by its GUID, as the registry knows it.
#[derive(JsonSchema)]
#[schemars(extend("pattern" = "^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$"))]
struct TenantId(#[schemars(with = "String")] Tenant);

impl<'de> Deserialize<'de> for TenantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let TenantName(tenant) = TenantName::deserialize(deserializer)?;
        match is_guid(tenant.as_str()) {
            true => Ok(Self(tenant)),
            false => Err(D::Error::custom("the registry knows tenants by their GUID")),
        }
    }
}
