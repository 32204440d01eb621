//! Plain lookups: one object, or one list that takes no `$top`, by what it is related to.

use crate::{
    call::{Call, Object},
    error::Result,
    operation::Answer,
    page,
};

/// An operation that asks once and passes on what it gets: its input, what it is called and does, where it belongs, who may, and
/// whether it is `get` (an object) or `list`, of which kind, at what path and, where there is one, query.
macro_rules! lookup {
    (@get $answer:ident) => { $crate::operations::answers::$answer };
    (@list $answer:ident) => { $crate::page::Whole<$crate::operations::answers::$answer> };
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:ty),* $(,)? }
        $operation:literal: $summary:literal;
        $group:ident, $route:literal, $permissions:expr;
        |$of:ident| $how:ident $answer:ident [$($segment:expr),+ $(,)?] $(? $query:expr)?
    ) => {
        #[derive(Deserialize, JsonSchema)]
        $(#[$doc])*
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* $field: $kind),* }

        impl Operation for $name {
            type Answers = lookup!(@$how $answer);

            const NAME: &'static str = $operation;
            const SUMMARY: &'static str = $summary;
            const GROUP: Group = Group::$group;
            const ROUTE: (&'static str, &'static str) = ("GET", $route);
            const PERMISSIONS: Permissions = $permissions;

            async fn run(self, call: &Call<'_>) -> Result<Answer> {
                let $of = &self;
                let query: Vec<(&str, &str)> = std::iter::empty()$(.chain($query))?.collect();
                lookup::$how(call, &[$($segment),+], &query).await
            }
        }
    };
}

pub(super) use lookup;

/// One object, as Microsoft sent it.
pub async fn get(call: &Call<'_>, path: &[&str], query: &[(&str, &str)]) -> Result<Answer> {
    let Object(object) = call.get(path, query).await?;
    Ok(Answer::unread(object))
}

/// All items of a list.
pub async fn list(call: &Call<'_>, path: &[&str], query: &[(&str, &str)]) -> Result<Answer> {
    page::whole(call, path, query).await
}
