//! The closed lists of `events.md` §2 and what belongs to an API key.
use crate::closed_list;

closed_list! {
    /// Where an event comes from.
    Source = "source" {
        Web = "web",
        Mobile = "mobile",
        AdminPortal = "admin_portal",
        Backend = "backend",
        Slack = "slack",
        Csv = "csv",
        /// Internal only.
        System = "system",
        GoogleAds = "google_ads",
        MetaAds = "meta_ads",
        TiktokAds = "tiktok_ads",
        LinkedinAds = "linkedin_ads",
        RedditAds = "reddit_ads",
        MicrosoftAds = "microsoft_ads",
        SnapchatAds = "snapchat_ads",
        Ga4 = "ga4",
        SearchConsole = "search_console",
        Dataforseo = "dataforseo",
        Plausible = "plausible",
        Shopify = "shopify",
        Tiendanube = "tiendanube",
        Mercadolibre = "mercadolibre",
        Stripe = "stripe",
        Quickbooks = "quickbooks",
        Activecampaign = "activecampaign",
        Klaviyo = "klaviyo",
    }
}

impl Source {
    /// What an ordinary key may send: every first-party source but `system`.
    pub const ORDINARY: &'static [Self] =
        &[Self::Web, Self::Mobile, Self::AdminPortal, Self::Backend, Self::Slack, Self::Csv];

    /// Whether its ids are a platform's own and no UUIDs.
    pub fn is_connector(self) -> bool {
        self != Self::System && !Self::ORDINARY.contains(&self)
    }
}

closed_list! {
    Channel = "channel" {
        PaidSearch = "paid_search",
        PaidSocial = "paid_social",
        Display = "display",
        Video = "video",
        Seo = "seo",
        OrganicSocial = "organic_social",
        Email = "email",
        Sms = "sms",
        Push = "push",
        InApp = "in_app",
        Referral = "referral",
        Affiliate = "affiliate",
        Direct = "direct",
        Marketplace = "marketplace",
        Offline = "offline",
        Internal = "internal",
        Unknown = "unknown",
    }
}

closed_list! {
    /// What an event can be about.
    EntityKind = "entity type" {
        Page = "page",
        Campaign = "campaign",
        AdGroup = "ad_group",
        Ad = "ad",
        Creative = "creative",
        Keyword = "keyword",
        Product = "product",
        Variant = "variant",
        Email = "email",
        Automation = "automation",
        Segment = "segment",
        Order = "order",
        Subscription = "subscription",
        Invoice = "invoice",
        Lead = "lead",
        Experiment = "experiment",
        Recommendation = "recommendation",
        Draft = "draft",
        Metric = "metric",
        Dataset = "dataset",
    }
}

closed_list! {
    ActorType = "actor type" {
        User = "user",
        Contact = "contact",
        Customer = "customer",
        Anonymous = "anonymous",
        Marketer = "marketer",
        Agent = "agent",
        System = "system",
    }
}

closed_list! {
    /// How late an event may be (`events.md` §8).
    SlaClass = "sla class" {
        Campaign = "campaign",
        User = "user",
        Marketer = "marketer",
        System = "system",
    }
}

impl SlaClass {
    /// 99 of 100 events come within this (`events.md` §8, "acceptable").
    pub fn acceptable_seconds(self) -> i32 {
        match self {
            Self::Campaign | Self::System => 5 * 60,
            Self::User => 30 * 60,
            Self::Marketer => 60,
        }
    }
}

closed_list! {
    /// What happens to personal data in an event; a setting of the API key.
    PiiMode = "pii mode" {
        /// The event is refused with `event.pii_detected`.
        Reject = "reject",
        /// The value is replaced and the event kept. Connectors always.
        Scrub = "scrub",
    }
}

closed_list! {
    /// The way an event came in.
    Via = "ingested_via" {
        Api = "api",
        Webhook = "webhook",
        Connector = "connector",
        Csv = "csv",
        Internal = "internal",
    }
}

closed_list! {
    /// What consent is asked for (`data-model.md` §8).
    ConsentChannel = "consent channel" {
        Email = "email",
        Sms = "sms",
        Push = "push",
        Ads = "ads",
        Analytics = "analytics",
    }
}

closed_list! {
    /// How it was given.
    ConsentMethod = "consent method" { Single = "single", Double = "double", Imported = "imported" }
}

closed_list! {
    ConsentStatus = "consent status" { Granted = "granted", Denied = "denied", Unknown = "unknown" }
}
