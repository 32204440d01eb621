//! The registry: one row of DynamoDB for each tenant, found by its GUID.

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Value, json};

use super::{
    Standing, Verdict,
    invitation::Invitation,
    row::{Item, Registered, Update, key, now},
};
use crate::{
    call::{Call, read_json},
    config::{Table, Tenant},
    dynamodb::{self, Outcome},
    error::{Code, Error, Result},
    examination::Examination,
    time::Timestamp,
};

/// How many rows are read at a time.
const PAGE: usize = 500;

/// What the keys of open invitations' rows begin with.
const INVITATION: &str = "invitation#";

/// Holds of a tenant's row, but of none that was removed.
const KNOWN: &str = "attribute_exists(pk) AND #state <> :known";

/// The rows of a scan, and the key after which it goes on.
pub struct Rows {
    pub items: Vec<Registered>,
    pub next: Option<String>,
}

/// `TENANTS_TABLE`, for one call.
pub struct Registry<'a> {
    call: &'a Call<'a>,
    table: &'a Table,
}

impl<'a> Registry<'a> {
    pub fn of(call: &'a Call<'a>) -> Result<Self> {
        let table = call.app.config.registry.as_ref().ok_or_else(|| {
            let detail = "TENANTS_TABLE is not set; it takes the name of the DynamoDB table that registers tenants.";
            Error::new(Code::Misconfigured, detail)
        })?;
        Ok(Self { call, table })
    }

    /// A tenant, unless it was removed.
    pub async fn get(&self, tenant: &Tenant) -> Result<Option<Registered>> {
        let body = json!({ "Key": key(tenant.as_str()), "ConsistentRead": true });
        let row = self.one("DynamoDB_20120810.GetItem", body).await?;
        Ok(row.filter(|row| row.state != Standing::Removed))
    }

    /// Notes an invitation. A tenant that is there already keeps what it has, but for a new name; one that was removed starts anew.
    pub async fn invite(&self, tenant: &Tenant, name: Option<&str>) -> Result<()> {
        let invitation = || {
            let mut update = Update::default();
            update.set("invitedAt", now());
            if let Some(name) = name {
                update.set("displayName", name);
            }
            update
        };
        let mut anew = invitation();
        anew.set("state", Standing::Invited.word());
        for past in ["consentedAt", "lastCheck", "lastError"] {
            anew.remove(past);
        }
        let condition = "attribute_not_exists(pk) OR #state = :known";
        anew.only_by_state(condition, Standing::Removed);
        if self.update(tenant, anew).await?.is_some() {
            return Ok(());
        }
        let mut again = invitation();
        again.set_if_new("state", Standing::Invited.word());
        self.update(tenant, again).await.map(|_| ())
    }

    /// Keeps an invitation of nobody in particular for the tenant that came by it first. Answers whether that is this one.
    pub async fn claim(&self, invitation: &Invitation, tenant: &Tenant) -> Result<bool> {
        let mut update = Update::default();
        update.set("tenant", tenant.as_str());
        update.set_number("expires", invitation.expires);
        update.only_if("attribute_not_exists(pk) OR #tenant = :tenant");
        let body = update.into_body(&format!("{INVITATION}{}", invitation.nonce));
        let written: Option<IgnoredAny> = self.ask("DynamoDB_20120810.UpdateItem", body).await?;
        Ok(written.is_some())
    }

    /// Notes a consent and what was found thereafter. A tenant that was removed since it was invited stays as it is, and one that was
    /// invited by name has to be there.
    pub async fn confirm(
        &self,
        invitation: &Invitation,
        tenant: &Tenant,
        verdict: &Verdict,
    ) -> Result<Option<Registered>> {
        let mut update = Update::verdict(verdict);
        let condition = match invitation.tenant_id {
            Some(_) => {
                "#state <> :known AND attribute_exists(pk) AND (attribute_not_exists(removedAt) OR removedAt < :issued)"
            }
            None => {
                "attribute_not_exists(pk) OR #state <> :known AND (attribute_not_exists(removedAt) OR removedAt < :issued)"
            }
        };
        update.only_by_state(condition, Standing::Removed);
        update.number("issued", invitation.issued);
        update.set("consentedAt", now());
        if let Some(name) = &invitation.display_name {
            update.set_if_new("displayName", name);
        }
        self.update(tenant, update).await
    }

    /// The rows after a key, at least one if there are any left, and at most `most`; those of removed tenants only where that standing
    /// is asked for. What is no tenant's row is left out.
    pub async fn list(
        &self,
        standing: Option<Standing>,
        after: Option<String>,
        most: usize,
    ) -> Result<Rows> {
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page {
            items: Vec<Item>,
            last_evaluated_key: Option<Item>,
        }
        let (mut items, mut next) = (Vec::new(), after);
        loop {
            let mut body = json!({ "Limit": PAGE, "ConsistentRead": true });
            if let Some(next) = &next {
                body["ExclusiveStartKey"] = key(next);
            }
            if let Some(standing) = standing {
                body["FilterExpression"] = "#state = :state".into();
                body["ExpressionAttributeNames"] = json!({ "#state": "state" });
                body["ExpressionAttributeValues"] = json!({ ":state": { "S": standing.word() } });
            }
            let page: Page = self
                .ask("DynamoDB_20120810.Scan", body)
                .await?
                .unwrap_or_default();
            let wanted = |row: &Registered| match standing {
                Some(standing) => row.state == standing,
                None => row.state != Standing::Removed,
            };
            items.extend(page.items.into_iter().filter_map(tenant).filter(wanted));
            next = page.last_evaluated_key.and_then(|key| key.text("pk"));
            if items.len() > most || next.is_some() && items.len() == most {
                items.truncate(most);
                next = items.last().map(|item: &Registered| item.tenant_id.clone());
            }
            if next.is_none() || items.len() >= most {
                return Ok(Rows { items, next });
            }
        }
    }

    /// Marks a tenant as removed. Answers whether it was there, be it as a removed one.
    pub async fn remove(&self, tenant: &Tenant) -> Result<bool> {
        let mut update = Update::default();
        update.set("state", Standing::Removed.word());
        update.set_number("removedAt", Timestamp::now().as_millisecond());
        update.only_if("attribute_exists(pk)");
        Ok(self.update(tenant, update).await?.is_some())
    }

    async fn update(&self, tenant: &Tenant, update: Update) -> Result<Option<Registered>> {
        let body = update.into_body(tenant.as_str());
        self.one("DynamoDB_20120810.UpdateItem", body).await
    }

    /// The row of an answer; none where there is none, or where a condition does not hold.
    async fn one(&self, target: &'static str, body: Value) -> Result<Option<Registered>> {
        #[derive(Deserialize)]
        struct One {
            #[serde(alias = "Item", alias = "Attributes")]
            row: Option<Item>,
        }
        let answer: Option<One> = self.ask(target, body).await?;
        answer
            .and_then(|answer| answer.row)
            .map(Item::read)
            .transpose()
    }

    async fn ask<T: DeserializeOwned + Send>(
        &self,
        target: &'static str,
        body: Value,
    ) -> Result<Option<T>> {
        let asked = dynamodb::ask(self.call, self.table, target, body, |reply| {
            read_json(reply)
        });
        Ok(match asked.await? {
            Outcome::Done(answer) => Some(answer),
            Outcome::Unmet(_) => None,
        })
    }
}

/// A row of a list. One that somebody else put there, or that is broken, keeps nobody from the others.
fn tenant(item: Item) -> Option<Registered> {
    if item.text("pk")?.starts_with(INVITATION) {
        return None;
    }
    let read = item.read();
    read.inspect_err(|error| tracing::warn!(code = error.code().name(), "{error}"))
        .ok()
}

/// Notes what an examination found.
pub async fn note_check(call: &Call<'_>, examination: &Examination) {
    let verdict = Verdict::of(&call.tenant, examination);
    note(call, &call.tenant, &verdict).await;
}

/// Notes what was found of a tenant, where there is a registry and the tenant is in it.
pub async fn note(call: &Call<'_>, tenant: &Tenant, verdict: &Verdict) {
    let mut update = Update::verdict(verdict);
    update.only_by_state(KNOWN, Standing::Removed);
    note_by(call, tenant, update).await;
}

/// Notes that a tenant which has not consented yet was asked to, and would not.
pub async fn note_refusal(call: &Call<'_>, tenant: &Tenant, refusal: &str) {
    let mut update = Update::default();
    update.set("lastError", refusal);
    update.only_by_state("#state = :known", Standing::Invited);
    note_by(call, tenant, update).await;
}

/// A registry that cannot be reached is the log's business: what was found is worth an answer all the same.
async fn note_by(call: &Call<'_>, tenant: &Tenant, update: Update) {
    let Some(table) = call.app.config.registry.as_ref() else {
        return;
    };
    if let Err(error) = (Registry { call, table }).update(tenant, update).await {
        let code = error.code().name();
        tracing::warn!(code, "what was found of a tenant was not noted: {error}");
    }
}
