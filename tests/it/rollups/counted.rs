//! What each rule of `events.md` §10 gives for a handful of events, counted by hand.
use super::{Account, Table, event};
use jiff::civil::date;
use serde_json::json;

const DAY: jiff::civil::Date = date(2025, 9, 16);
const CAMPAIGN: &str = "5d0f7a52-6f0e-4a9b-8a43-0d3a5cf4b1aa";

#[tokio::test]
async fn visits_pages_and_the_funnel() {
    let account = Account::new().await;
    let view = |id, at: &str, session: &str, page: &str, actor: &str| {
        event(
            id,
            "page_view",
            at,
            "web",
            actor,
            json!({
            "entity": {"type": "page", "id": page}, "session": {"id": session},
            "properties": {"page_path": page, "page_type": "city", "city": "Bern"}}),
        )
    };
    let stay = |id, at: &str, session: &str, ms: u32, actor: &str| {
        event(
            id,
            "user_engagement",
            at,
            "web",
            actor,
            json!({
            "session": {"id": session}, "properties": {"engagement_time_msec": ms, "page_path": "/a"}}),
        )
    };
    account
        .send(&[
            // Two pages: engaged. By a paid click.
            event(1, "session_start", "2025-09-16T08:00:00Z", "web", "a1", json!({
                "session": {"id": "s1"}, "properties": {"landing_path": "/a?gclid=x1", "is_new_user": true}})),
            view(2, "2025-09-16T08:00:01Z", "s1", "/a", "a1"),
            view(3, "2025-09-16T08:00:09Z", "s1", "/b", "a1"),
            // Started twice, stayed ten seconds: one visit, engaged.
            event(4, "session_start", "2025-09-16T09:00:00Z", "web", "a2", json!({
                "session": {"id": "s2"}, "context": {"referrer": "https://www.google.com/search", "page_url": "https://shop.example/a"}})),
            event(5, "session_start", "2025-09-16T09:05:00Z", "web", "a2", json!({"session": {"id": "s2"}})),
            view(6, "2025-09-16T09:00:01Z", "s2", "/a", "a2"),
            stay(7, "2025-09-16T09:00:05Z", "s2", 4_000, "a2"),
            stay(8, "2025-09-16T09:00:09Z", "s2", 6_500, "a2"),
            // One page for 9.9 seconds: not engaged. The own site is no referrer.
            event(9, "session_start", "2025-09-16T21:59:59Z", "web", "a2", json!({
                "session": {"id": "s3"}, "context": {"referrer": "https://shop.example/", "page_url": "https://www.shop.example/a"}})),
            stay(10, "2025-09-16T21:59:59.5Z", "s3", 9_900, "a2"),
            // Midnight in Zurich: the next day's.
            event(11, "session_start", "2025-09-16T22:00:00Z", "web", "a3", json!({"session": {"id": "s4"}})),
            // A quote in the first visit, its lead told by the backend: one person, one lead.
            event(12, "quote_flow_started", "2025-09-16T08:01:00Z", "web", "a1", json!({
                "session": {"id": "s1"}, "properties": {"flow": "quote"}})),
            event(13, "quote_submitted", "2025-09-16T08:02:00Z", "web", "a1", json!({
                "session": {"id": "s1"}, "properties": {"flow": "quote", "city": "Chur"}})),
            event(14, "lead_created", "2025-09-16T08:02:05Z", "backend", "a1", json!({
                "entity": {"type": "lead", "id": "l1"}, "properties": {"lead_id": "l1"}})),
            // A form that is no lead, and one that is; both without a visit.
            event(15, "form_submit", "2025-09-16T10:00:00Z", "web", "a4", json!({"properties": {"form_id": "f", "is_lead": false}})),
            event(16, "form_submit", "2025-09-16T10:00:01Z", "web", "a5", json!({
                "channel": "email", "properties": {"form_id": "f"}})),
            event(17, "consultation_started", "2025-09-16T10:00:02Z", "web", "a5", json!({})),
            event(18, "booking_completed", "2025-09-16T10:00:03Z", "web", "a5", json!({"properties": {"booking_id": "b"}})),
            event(19, "trial_start", "2025-09-16T10:00:04Z", "web", "a5", json!({})),
        ])
        .await;
    assert!(account.day(DAY).await > 0);
    assert_eq!(
        account.figures(Table::Daily).await,
        [
            "09-16 web page /a direct: engaged_seconds=9",
            "09-16 web page /a paid_search: engaged_sessions=1 pageviews=1 sessions=1 users=1",
            "09-16 web page /a seo: engaged_seconds=10 engaged_sessions=1 exits=1 pageviews=1 sessions=1 users=1",
            "09-16 web page /b paid_search: engaged_sessions=1 exits=1 pageviews=1 sessions=1 users=1",
            "09-16 web site site direct: bounces=1 engaged_seconds=9 sessions=1 users=1",
            "09-16 web site site paid_search: engaged_sessions=1 new_users=1 pageviews=2 sessions=1 users=1",
            "09-16 web site site seo: engaged_seconds=10 engaged_sessions=1 pageviews=1 sessions=1 users=1",
        ]
    );
    assert_eq!(
        account.figures(Table::Funnel).await,
        [
            "09-16 web direct: visits=1",
            "09-16 web email: leads=1",
            "09-16 web paid_search Bern city quote: quote_starts=1",
            "09-16 web paid_search Bern city: engaged=1 visits=1",
            "09-16 web paid_search Chur city quote: leads=1 paid_leads=1 quote_submits=1",
            "09-16 web seo Bern city: engaged=1 visits=1",
            "09-16 web unknown: bookings=1 consultation_starts=1 trials=1",
        ]
    );
    let touches = "select string_agg(concat_ws(' ', actor_id, kind, channel, source, landing_path, is_paid), ', ' order by occurred_at)
                   from touches where org_id = $1 and rolled";
    let mut tx = account.world.db.org(account.world.org).await.unwrap();
    let touches: String =
        sqlx::query_scalar(touches).bind(account.world.org).fetch_one(&mut *tx).await.unwrap();
    assert_eq!(touches, "a1 visit paid_search  /a t, a2 visit seo google.com  f, a2 visit direct   f");
    assert_eq!(account.day(DAY).await, 0, "a second time changes nothing");
}

#[tokio::test]
async fn campaigns_ads_and_who_was_held_out() {
    let account = Account::new().await;
    account
        .run(
            "insert into campaigns (org_id, id, name, status, channel, objective, bidding, currency, source, first_seen_at, updated_at)
             values ($1, 'google_ads:77', 'Spring', 'active', 'paid_search', '', '', 'EUR', 'google_ads', '2025-01-01', '2025-01-01')",
        )
        .await;
    account
        .run("insert into fx_rates (org_id, date, from_currency, to_currency, rate) values ($1, '2025-09-14', 'USD', 'EUR', 0.9)")
        .await;
    account
        .run(
            "insert into orders (org_id, id, ordered_at, status, currency, gross, gross_base, discount_base, campaign_id, channel,
               is_first_order, source, first_seen_at, updated_at)
             values ($1, 'shopify:1', '2025-09-16T10:00:00Z', 'paid', 'EUR', 100, 100, 10, 'google_ads:77', 'paid_search', true,
               'shopify', '2025-09-16', '2025-09-16')",
        )
        .await;
    account
        .run(
            "insert into budgets (org_id, period, period_start, scope_kind, scope_id, amount, currency, created_at)
             values ($1, 'month', '2025-09-01', 'campaign', 'google_ads:77', 300, 'EUR', '2025-09-01')",
        )
        .await;
    let push = |id, name: &str, actor: &str, properties: serde_json::Value| {
        event(
            id,
            name,
            "2025-09-16T08:00:00Z",
            "mobile",
            actor,
            json!({
            "channel": "push", "entity": {"type": "campaign", "id": CAMPAIGN}, "currency": "EUR", "properties": properties}),
        )
    };
    let ad = |id, name: &str, entity: serde_json::Value, properties: serde_json::Value| {
        let mut one = event(
            id,
            name,
            "2025-09-16T08:00:00Z",
            "google_ads",
            "x",
            json!({
            "entity": entity, "currency": "USD", "properties": properties}),
        );
        one.as_object_mut().unwrap().remove("actor");
        one
    };
    let (campaign, one, two) = (
        json!({"type": "campaign", "id": "77"}),
        json!({"type": "ad", "id": "1"}),
        json!({"type": "ad", "id": "2"}),
    );
    let order = "9a3d2c10-55aa-4c0d-9e53-6b1f0c2d3e4f";
    account
        .send(&[
            push(1, "campaign_delivered", "u1", json!({"campaign_id": CAMPAIGN, "delivery_channel": "push"})),
            push(2, "campaign_delivered", "u1", json!({"campaign_id": CAMPAIGN, "delivery_channel": "push"})),
            push(3, "campaign_delivered", "u2", json!({"campaign_id": CAMPAIGN, "delivery_channel": "push"})),
            push(
                4,
                "campaign_delivered",
                "u3",
                json!({"campaign_id": CAMPAIGN, "delivery_channel": "push", "is_holdout": true}),
            ),
            push(5, "campaign_clicked", "u1", json!({"campaign_id": CAMPAIGN, "click_type": "cta"})),
            push(6, "campaign_clicked", "u1", json!({"campaign_id": CAMPAIGN, "click_type": "cta"})),
            push(
                7,
                "campaign_converted",
                "u1",
                json!({"campaign_id": CAMPAIGN, "order_id": order, "order_value": "20.5"}),
            ),
            push(
                8,
                "campaign_converted",
                "u3",
                json!({"campaign_id": CAMPAIGN, "order_id": order, "order_value": "7"}),
            ),
            // Impressions of ads: the campaign is their sum. Clicks are told of the campaign too: that goes before the sum.
            ad(11, "ad_impression", one.clone(), json!({"campaign_id": "77", "count": 100})),
            ad(12, "ad_impression", two.clone(), json!({"campaign_id": "77"})),
            ad(13, "ad_click", one.clone(), json!({"campaign_id": "77", "count": 4})),
            ad(14, "ad_click", campaign.clone(), json!({"campaign_id": "77", "count": 5})),
            ad(15, "ad_cost", campaign.clone(), json!({"campaign_id": "77", "cost": "10.00"})),
            ad(
                16,
                "ad_conversion",
                one.clone(),
                json!({"campaign_id": "77", "conversions": 1.5, "conversion_value": 30}),
            ),
        ])
        .await;
    account.day(DAY).await;
    let things: Vec<String> =
        account.figures(Table::Daily).await.into_iter().filter(|line| !line.contains(" site ")).collect();
    assert_eq!(
        things,
        [
            "09-16 google_ads ad 1 paid_search: clicks=4 conversion_value=27 conversions=1.5 impressions=100 revenue=27",
            "09-16 google_ads ad 2 paid_search: impressions=1",
            "09-16 google_ads campaign google_ads:77 paid_search: clicks=5 conversion_value=27 conversions=1.5 cost=9 impressions=101 revenue=27",
            &format!(
                "09-16 mobile campaign {CAMPAIGN} push: clicks=2 conversion_value=20.5 conversions=1 impressions=3 reach=2 revenue=20.5"
            ),
        ]
    );
    assert_eq!(
        account.figures(Table::Campaigns).await,
        [
            "09-16 google_ads google_ads:77 paid_search: attributed_orders=1 attributed_revenue=90 budget=10 clicks=5 conversion_value=27 \
             conversions=1.5 cost=9 impressions=101 new_customers=1 planned_spend=10 revenue=27",
            &format!(
                "09-16 mobile {CAMPAIGN} push held out: buyers=1 conversion_value=7 conversions=1 reach=1 revenue=7"
            ),
            &format!(
                "09-16 mobile {CAMPAIGN} push: buyers=1 clickers=1 clicks=2 conversion_value=20.5 conversions=1 impressions=3 reach=2 revenue=20.5"
            ),
        ]
    );
}

#[tokio::test]
async fn mails_and_who_leaves() {
    let account = Account::new().await;
    let mail = |id, name: &str, at: &str, actor: &str, message: &str, more: serde_json::Value| {
        let mut properties = json!({"campaign_id": "c1"});
        for (key, value) in more.as_object().unwrap() {
            properties[key] = value.clone();
        }
        event(
            id,
            name,
            at,
            "klaviyo",
            actor,
            json!({"entity": {"type": "email", "id": message}, "properties": properties}),
        )
    };
    let (ten, eleven) = ("2025-09-16T10:00:00Z", "2025-09-16T11:00:00Z");
    let link = json!({"link_url": "https://shop.example/"});
    account
        .send(&[
            mail(1, "email_sent", ten, "p1", "m1", json!({})),
            mail(2, "email_sent", ten, "p2", "m1", json!({})),
            mail(3, "email_sent", ten, "p3", "m2", json!({})),
            mail(4, "email_opened", ten, "p1", "m1", json!({})),
            mail(5, "email_opened", eleven, "p1", "m1", json!({})),
            mail(6, "email_opened", ten, "p2", "m1", json!({"is_machine_open": true})),
            mail(7, "email_clicked", eleven, "p1", "m1", link.clone()),
            mail(8, "email_clicked", eleven, "p1", "m1", link),
            mail(9, "email_bounced", ten, "p3", "m2", json!({"bounce_type": "hard"})),
            // Said twice by one person, and once by another who also told the app: two left. A cap is no leaving.
            mail(10, "email_unsubscribed", ten, "p1", "m1", json!({})),
            mail(11, "email_unsubscribed", eleven, "p1", "m2", json!({})),
            mail(12, "email_unsubscribed", eleven, "p2", "m1", json!({})),
            event(
                13,
                "user_unsubscribed",
                ten,
                "mobile",
                "p2",
                json!({"properties": {"unsubscribe_type": "all_campaigns"}}),
            ),
            event(
                14,
                "user_unsubscribed",
                ten,
                "mobile",
                "p4",
                json!({"properties": {"unsubscribe_type": "push_only"}}),
            ),
            event(
                15,
                "user_unsubscribed",
                ten,
                "mobile",
                "p5",
                json!({"properties": {"unsubscribe_type": "frequency_cap"}}),
            ),
        ])
        .await;
    account.day(DAY).await;
    assert_eq!(
        account.figures(Table::Daily).await,
        [
            "09-16 klaviyo email m1 email: email_clicks=1 opens=1 sends=2 unsubscribes=2",
            "09-16 klaviyo email m2 email: email_bounces=1 sends=1",
            "09-16 mobile org org push: unsubscribes=1",
        ]
    );
}

#[tokio::test]
async fn ranks_links_subscriptions_and_people() {
    let account = Account::new().await;
    account
        .run(
            "insert into customers (org_id, id, currency, source, first_seen_at, updated_at)
             values ($1, 'stripe:cus_1', 'EUR', 'stripe', '2025-01-01', '2025-01-01')",
        )
        .await;
    let rank = |id, place: serde_json::Value| {
        let mut one = event(
            id,
            "keyword_rank",
            "2025-09-16T10:00:00Z",
            "dataforseo",
            "x",
            json!({
            "entity": {"type": "keyword", "id": "tents"}, "properties": {"keyword": "tents", "rank_absolute": place}}),
        );
        one.as_object_mut().unwrap().remove("actor");
        one
    };
    let plan = |id, name: &str, subscription: &str, more: serde_json::Value| {
        let mut properties = json!({"subscription_id": subscription, "plan_id": "pro"});
        for (key, value) in more.as_object().unwrap() {
            properties[key] = value.clone();
        }
        event(
            id,
            name,
            "2025-09-16T10:00:00Z",
            "stripe",
            "cus_1",
            json!({
            "actor": {"type": "customer", "id": "cus_1"}, "entity": {"type": "subscription", "id": subscription}, "currency": "EUR",
            "properties": properties}),
        )
    };
    account
        .send(&[
            rank(1, json!(3)),
            rank(2, json!(8)),
            rank(3, json!(null)),
            plan(4, "subscription_created", "sub_1", json!({"mrr": 20})),
            plan(
                5,
                "subscription_updated",
                "sub_2",
                json!({"mrr": 50, "previous_mrr": 20, "change": "upgrade"}),
            ),
            plan(6, "subscription_updated", "sub_2", json!({"mrr": 45, "previous_mrr": 50})),
            plan(7, "subscription_canceled", "sub_3", json!({"mrr": 0, "previous_mrr": 12})),
            plan(8, "subscription_updated", "sub_4", json!({"mrr": 9, "previous_mrr": 9, "change": "other"})),
        ])
        .await;
    account.day(DAY).await;
    assert_eq!(
        account.figures(Table::Daily).await,
        ["09-16 dataforseo keyword tents seo: rank_n=2 rank_sum=11"]
    );
    let mut tx = account.world.db.org(account.world.org).await.unwrap();
    let moves: Vec<String> = sqlx::query_scalar(
        "select concat_ws(' ', subscription_id, kind, trim_scale(mrr_delta), plan_id) from mrr_movements where org_id = $1 order by 1",
    )
    .bind(account.world.org)
    .fetch_all(&mut *tx)
    .await
    .unwrap();
    assert_eq!(
        moves,
        ["sub_1 new 20 pro", "sub_2 contraction -5 pro", "sub_2 expansion 30 pro", "sub_3 churn -12 pro"]
    );
    let linked = "select count(*) from actor_links where org_id = $1 and actor_id = 'cus_1' and customer_id = 'stripe:cus_1'";
    assert_eq!(account.count(linked).await, 1);
}

#[tokio::test]
async fn a_sale_is_counted_once_by_the_best_that_is_known_of_it() {
    let account = Account::new().await;
    let bought = |id, name: &str, at: &str, actor: &str, properties: serde_json::Value| {
        event(
            id,
            name,
            at,
            "backend",
            actor,
            json!({"channel": "direct", "currency": "EUR", "properties": properties}),
        )
    };
    let order = "9a3d2c10-55aa-4c0d-9e53-6b1f0c2d3e4f";
    let first = "2025-09-15T10:00:00Z";
    account
        .send(&[
            bought(1, "purchase", first, "u1", json!({"transaction_id": "t1", "revenue": 40})),
            bought(
                2,
                "purchase",
                "2025-09-16T10:00:00Z",
                "u1",
                json!({"transaction_id": "t2", "revenue": 60}),
            ),
            bought(
                3,
                "purchase",
                "2025-09-16T11:00:00Z",
                "u2",
                json!({"transaction_id": "t3", "revenue": "0.5"}),
            ),
            bought(4, "refund", "2025-09-16T12:00:00Z", "u2", json!({"refund_id": "r1", "amount": "0.25"})),
        ])
        .await;
    let site = |day: &str, table: Vec<String>| -> Vec<String> {
        table
            .into_iter()
            .filter(|line| {
                line.starts_with(day)
                    && (line.contains("site") || line.contains("customers") || line.contains("revenue"))
            })
            .collect()
    };
    account.days(date(2025, 9, 15), DAY).await;
    assert_eq!(
        site("09-16", account.figures(Table::Daily).await),
        ["09-16 backend site site direct: conversions=2 refund=0.25 revenue=60.5"]
    );
    assert_eq!(
        site("09-16", account.figures(Table::Funnel).await),
        ["09-16 backend direct: customers=1 revenue=60.5"]
    );

    account
        .send(&[bought(
            5,
            "user_purchased",
            "2025-09-16T10:00:00Z",
            "u1",
            json!({"order_id": order, "order_value": 61}),
        )])
        .await;
    account.day(DAY).await;
    assert_eq!(
        site("09-16", account.figures(Table::Daily).await),
        ["09-16 backend site site direct: conversions=1 refund=0.25 revenue=61"]
    );
    assert_eq!(site("09-16", account.figures(Table::Funnel).await), ["09-16 backend direct: revenue=61"]);

    account
        .run(
            "insert into orders (org_id, id, ordered_at, status, currency, gross, gross_base, discount_base, channel, city, is_first_order,
               is_test, source, first_seen_at, updated_at)
             select $1, 'shopify:' || n, '2025-09-16T10:00:00Z', case n when 3 then 'cancelled' else 'paid' end, 'EUR', 70, 70, 5, 'email',
               'Bern', n = 1, n = 4, 'shopify', '2025-09-16', '2025-09-16' from generate_series(1, 4) n",
        )
        .await;
    account.day(DAY).await;
    assert_eq!(
        site("09-16", account.figures(Table::Daily).await),
        [
            "09-16 backend site site direct: refund=0.25",
            "09-16 shopify site site email: conversions=2 revenue=130"
        ]
    );
    assert_eq!(
        site("09-16", account.figures(Table::Funnel).await),
        ["09-16 shopify email Bern: customers=1 revenue=130"]
    );
}
