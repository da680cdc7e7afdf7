//! Who acts, on which surface, and what they may do. Code checks permissions, never role names.
use crate::ids::{ApiKeyId, MemberId, OrgId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A text that is not a member of one of the closed lists of `data-model.md` §8.
#[derive(Debug, thiserror::Error)]
#[error("unknown {list} '{value}'; one of: {allowed}")]
pub struct UnknownValue {
    pub list: &'static str,
    pub value: String,
    pub allowed: String,
}

/// Declares a closed list: an enum with its wire words, `as_str`, `FromStr`, `Display`, serde, and sqlx as text.
#[macro_export]
macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident = $list:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant),* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::access::UnknownValue;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err($crate::access::UnknownValue {
                        list: $list,
                        value: text.to_owned(),
                        allowed: [$($word),*].join(", "),
                    }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::schema::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .enum_values(Some([$($word),*]))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {}

        impl sqlx::Type<sqlx::Postgres> for $name {
            fn type_info() -> sqlx::postgres::PgTypeInfo {
                <&str as sqlx::Type<sqlx::Postgres>>::type_info()
            }
            fn compatible(ty: &sqlx::postgres::PgTypeInfo) -> bool {
                <&str as sqlx::Type<sqlx::Postgres>>::compatible(ty)
            }
        }

        impl<'q> sqlx::Encode<'q, sqlx::Postgres> for $name {
            fn encode_by_ref(
                &self,
                buf: &mut sqlx::postgres::PgArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                <&str as sqlx::Encode<sqlx::Postgres>>::encode_by_ref(&self.as_str(), buf)
            }
        }

        impl<'r> sqlx::Decode<'r, sqlx::Postgres> for $name {
            fn decode(value: sqlx::postgres::PgValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<&str as sqlx::Decode<sqlx::Postgres>>::decode(value)?.parse()?)
            }
        }
    };
}

closed_list! {
    Role = "role" {
        Viewer = "viewer",
        Analyst = "analyst",
        Marketer = "marketer",
        Approver = "approver",
        Admin = "admin",
        Compliance = "compliance",
    }
}

closed_list! {
    /// Where people (or keys) meet the agent.
    Surface = "surface" {
        Slack = "slack",
        Http = "http",
        Console = "console",
        Cli = "cli",
        Openai = "openai",
        Mcp = "mcp",
        Worker = "worker",
    }
}

closed_list! {
    /// A permission; also the scope of an API key.
    Permission = "permission" {
        ConversationUse = "conversation.use",
        QueryRun = "query.run",
        QueryExport = "query.export",
        QueryRestricted = "query.restricted",
        DraftRead = "draft.read",
        DraftExport = "draft.export",
        DraftCreate = "draft.create",
        DraftRevise = "draft.revise",
        DraftComment = "draft.comment",
        DraftApprove = "draft.approve",
        DraftReject = "draft.reject",
        DraftApproveHigh = "draft.approve_high",
        DraftExecute = "draft.execute",
        DraftSchedule = "draft.schedule",
        DraftRollback = "draft.rollback",
        GuardrailConfigure = "guardrail.configure",
        GuardrailOverride = "guardrail.override",
        BreakerReset = "breaker.reset",
        KillSwitch = "kill_switch",
        OpportunityManage = "opportunity.manage",
        DetectorConfigure = "detector.configure",
        ReportManage = "report.manage",
        SourceManage = "source.manage",
        ImportCommit = "import.commit",
        EventWrite = "event.write",
        EventWriteSystem = "event.write_system",
        WebhookManage = "webhook.manage",
        MemberManage = "member.manage",
        KeyManage = "key.manage",
        SettingsManage = "settings.manage",
        AuditRead = "audit.read",
        PrivacyManage = "privacy.manage",
    }
}

use Permission as P;

/// Permissions that no API key may hold, whatever its member may do: decisions belong to people.
pub const NEVER_IN_A_KEY: &[Permission] = &[
    P::DraftApprove,
    P::DraftReject,
    P::DraftApproveHigh,
    P::DraftExecute,
    P::DraftRollback,
    P::DraftSchedule,
    P::GuardrailOverride,
    P::KillSwitch,
];

/// All that the model's own process path may do.
pub const MODEL_MAY: &[Permission] = &[P::DraftCreate, P::DraftRevise, P::QueryRun];

/// The bundle `operator`: a grant on top of a role, not a role.
pub const OPERATOR: &[Permission] =
    &[P::DraftExecute, P::DraftSchedule, P::DraftRollback, P::BreakerReset, P::KillSwitch];

impl Role {
    /// The matrix of `actions.md` §3 and `data-model.md` §8.
    pub fn permissions(self) -> BTreeSet<Permission> {
        let everyone = [P::ConversationUse, P::QueryRun, P::DraftRead, P::DraftExport];
        let more: &[Permission] = match self {
            Role::Viewer => &[],
            Role::Analyst => &[P::QueryExport, P::ReportManage, P::ImportCommit],
            Role::Marketer => &[
                P::QueryExport,
                P::OpportunityManage,
                P::ImportCommit,
                P::DraftCreate,
                P::DraftRevise,
                P::DraftComment,
            ],
            Role::Approver => &[
                P::OpportunityManage,
                P::DraftCreate,
                P::DraftRevise,
                P::DraftComment,
                P::DraftApprove,
                P::DraftReject,
                P::KillSwitch,
            ],
            Role::Compliance => &[
                P::QueryRestricted,
                P::QueryExport,
                P::DraftComment,
                P::AuditRead,
                P::PrivacyManage,
                P::KillSwitch,
            ],
            Role::Admin => {
                return Permission::ALL
                    .iter()
                    .copied()
                    .filter(|p| !matches!(p, P::EventWrite | P::EventWriteSystem))
                    .collect();
            }
        };
        everyone.iter().chain(more).copied().collect()
    }
}

impl Permission {
    /// What it lets somebody do, as it follows "may".
    pub fn allows(self) -> &'static str {
        match self {
            P::ConversationUse => "ask questions",
            P::QueryRun => "read figures",
            P::QueryExport => "export figures",
            P::QueryRestricted => "read restricted data",
            P::DraftRead => "read drafts",
            P::DraftExport => "export drafts",
            P::DraftCreate => "ask for drafts",
            P::DraftRevise => "edit or withdraw drafts",
            P::DraftComment => "comment on drafts",
            P::DraftApprove => "approve drafts",
            P::DraftReject => "reject drafts",
            P::DraftApproveHigh => "approve drafts of high risk",
            P::DraftExecute => "have drafts executed",
            P::DraftSchedule => "schedule drafts",
            P::DraftRollback => "roll executed drafts back",
            P::GuardrailConfigure => "change guardrails",
            P::GuardrailOverride => "override a guardrail",
            P::BreakerReset => "reset the circuit breaker",
            P::KillSwitch => "use the kill switch",
            P::OpportunityManage => "manage opportunities",
            P::DetectorConfigure => "configure detectors",
            P::ReportManage => "manage reports",
            P::SourceManage => "manage data sources",
            P::ImportCommit => "import data",
            P::EventWrite => "send events",
            P::EventWriteSystem => "send system events",
            P::WebhookManage => "manage webhooks",
            P::MemberManage => "manage members",
            P::KeyManage => "manage keys",
            P::SettingsManage => "change settings",
            P::AuditRead => "read the whole audit log",
            P::PrivacyManage => "manage personal data",
        }
    }

    /// "Only an approver or an admin may approve drafts."
    pub fn only_for(self) -> String {
        let roles: Vec<&Role> = Role::ALL.iter().filter(|role| role.permissions().contains(&self)).collect();
        let allows = self.allows();
        if roles.is_empty() || roles.len() == Role::ALL.len() {
            return format!("This access may not {allows}: it was not given that right.");
        }
        let named = roles.into_iter().map(|role| {
            let word = role.as_str();
            match role {
                Role::Analyst | Role::Approver | Role::Admin => format!("an {word}"),
                Role::Compliance => format!("somebody of {word}"),
                Role::Viewer | Role::Marketer => format!("a {word}"),
            }
        });
        format!("Only {} may {allows}.", crate::text::either(&named.collect::<Vec<_>>()))
    }
}

/// How the actor was authenticated: decisions need a person's own session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Credential {
    /// A signed-in session of the member (console, CLI on the server's machine, linked chat account).
    Session,
    /// An API key acting as the member, with fewer permissions.
    ApiKey(ApiKeyId),
}

/// A member at work: resolved on the server for every request, never taken from arguments.
#[derive(Clone, Debug)]
pub struct Actor {
    pub org: OrgId,
    pub member: MemberId,
    pub name: String,
    pub role: Role,
    pub permissions: BTreeSet<Permission>,
    pub surface: Surface,
    pub credential: Credential,
    /// The request this is done for, so that the audit log and the server's log are read together.
    pub request_id: Option<String>,
}

/// Says in plain words who may.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.only_for())]
pub struct Missing(pub Permission);

impl Actor {
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
            && (self.credential == Credential::Session || !NEVER_IN_A_KEY.contains(&permission))
    }

    /// Whether personal data may leave in this actor's exports (`actions.md` §3): viewers and analysts read masked files.
    pub fn may_see_people(&self) -> bool {
        self.may(Permission::DraftComment) || self.may(Permission::DraftExecute)
    }

    pub fn require(&self, permission: Permission) -> Result<(), Missing> {
        if self.may(permission) { Ok(()) } else { Err(Missing(permission)) }
    }
}
