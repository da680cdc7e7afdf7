//! A fictional company with 18 months of data: seeded, deterministic for a day and a seed, pure.
//!
//! [`generate`] makes the rows, [`truth`] the planted facts and the figures a marketer should be told. The agent
//! reads only the loaded tables, never the truth.
mod ads;
mod basket;
mod breakdowns;
mod buyers;
mod calendar;
mod company;
mod dimensions;
mod draw;
mod email;
mod events;
mod experiments;
mod figures;
mod funnel;
mod journeys;
mod key;
mod leads;
mod money;
mod operations;
mod orders;
mod people;
pub mod plan;
pub mod rows;
mod seo;
mod shop;
mod subscriptions;
mod terms;
mod truth;
mod web;

#[cfg(test)]
mod tests;

pub use calendar::Scale;
pub use company::{Company, SLUG, found};
pub use key::key;
pub use truth::{of as truth_of, truth};

use crate::db::load::{Micros, Table, Tables};
use calendar::Calendar;
use jiff::{Timestamp, civil::Date};
use plan::PLANS;
use rows::{
    ActorLink, AdGroup, Arm, ArmDay, Budget, Campaign, CampaignDay, Consent, Creative, Customer, DailyMetric,
    Entity, Event, Experiment, FunnelDay, FxRate, Id, Keyword, Lead, Movement, Order, OrderItem, Page,
    Product, Quality, Rank, Refund, SearchDay, SearchTerm, Segment, SegmentMember, SegmentSize, Setting,
    Source, SourceStream, Subscription, SubscriptionPlan, SyncRun, Target, Touch, UserMetrics, Variant,
};
use std::collections::HashMap;

/// All rows of the demo account, in the organisation's name. `daily_metrics` is as exported: it holds duplicate rows
/// and earlier versions of restated ones; the last row of a key is the valid one ([`Dataset::daily`]).
pub struct Dataset {
    pub today: Date,
    pub seed: u64,
    pub scale: Scale,
    pub recorded_at: Timestamp,
    pub sources: Vec<Source>,
    pub source_streams: Vec<SourceStream>,
    pub sync_runs: Vec<SyncRun>,
    pub data_quality: Vec<Quality>,
    pub fx_rates: Vec<FxRate>,
    pub settings: Vec<Setting>,
    pub targets: Vec<Target>,
    pub budgets: Vec<Budget>,
    pub entities: Vec<Entity>,
    pub campaigns: Vec<Campaign>,
    pub ad_groups: Vec<AdGroup>,
    pub creatives: Vec<Creative>,
    pub keywords: Vec<Keyword>,
    pub pages: Vec<Page>,
    pub products: Vec<Product>,
    pub variants: Vec<Variant>,
    pub customers: Vec<Customer>,
    pub orders: Vec<Order>,
    pub order_items: Vec<OrderItem>,
    pub refunds: Vec<Refund>,
    pub leads: Vec<Lead>,
    pub touches: Vec<Touch>,
    pub daily_metrics: Vec<DailyMetric>,
    pub daily_campaign_metrics: Vec<CampaignDay>,
    pub daily_funnel_metrics: Vec<FunnelDay>,
    pub search_terms: Vec<SearchTerm>,
    pub search_performance: Vec<SearchDay>,
    pub keyword_ranks: Vec<Rank>,
    pub user_metrics: Vec<UserMetrics>,
    pub segments: Vec<Segment>,
    pub segment_members: Vec<SegmentMember>,
    pub segment_sizes: Vec<SegmentSize>,
    pub consents: Vec<Consent>,
    pub actor_links: Vec<ActorLink>,
    pub events: Vec<Event>,
    pub plans: Vec<SubscriptionPlan>,
    pub subscriptions: Vec<Subscription>,
    pub mrr_movements: Vec<Movement>,
    pub experiments: Vec<Experiment>,
    pub experiment_arms: Vec<Arm>,
    pub experiment_daily: Vec<ArmDay>,
}

/// The whole demo account as of the morning of `today`: data end the day before.
pub fn generate(today: Date, seed: u64) -> Dataset {
    generate_scaled(today, seed, Scale::default())
}

/// The same with fewer months, for tests. Counts shrink in proportion; facts older than the scale are missing.
pub fn generate_scaled(today: Date, seed: u64, scale: Scale) -> Dataset {
    let calendar = Calendar::new(today, scale);
    let share = scale.share();
    let rates = money::Rates::new(seed, &calendar);
    let structure = ads::structure(&calendar);
    let items = shop::items();
    let ways = journeys::ways();

    let ads = ads::generate(seed, &calendar, &structure, &rates);
    let term_count = (3_000.0 * share.max(0.2)) as usize;
    let terms = terms::generate(seed, &calendar, &structure, &rates, term_count);
    let search = seo::generate(seed, &calendar, (600.0 * share.max(0.3)) as usize);
    let messages = email::generate(seed, &calendar);
    let sales = orders::generate(seed, &calendar, &ads.traffic, &rates, &items, &ways);
    let leads = leads::generate(seed, &calendar, &ads.traffic, &ways);
    let sessions = web::sessions(seed, &calendar, &ads.traffic, &search, &messages);
    let funnel = funnel::generate(seed, &calendar, &leads.leads, &ads.traffic, &sessions);
    let site = web::generate(seed, &calendar, &ads.traffic, &search, &sessions, &sales, &funnel);
    let mut customers = buyers::customers(seed, &sales);
    let mut people = people::generate(seed, &calendar, &sales.buyers, &customers);
    let club = subscriptions::generate(seed, &calendar, &customers);
    let known = events::Known {
        leads: &leads.leads,
        goals: &funnel.goals,
        customers: &customers,
        consents: &people.consents,
    };
    let seen = events::generate(seed, &calendar, &known);
    customers.extend(seen.contacts);
    people.consents.extend(seen.consents);
    let tests = experiments::generate(seed, &calendar);
    let operations = operations::generate(seed, &calendar, &rates);
    let dimensions = dimensions::generate(seed, &calendar, &structure, &items);
    let (products, variants) = shop::rows(&items);

    let daily_campaign_metrics = campaign_days(&calendar, &ads.rows, &sales.orders);
    let mut touches = sales.touches;
    touches.extend(leads.touches);
    let wanted = (25_000.0 * share) as usize;
    let passing =
        leads::passers_by(seed, &calendar, &ads.traffic, &ways, wanted.saturating_sub(touches.len()));
    touches.extend(passing);

    // Exports repeat rows: an earlier version first, an exact copy after.
    let mut daily_metrics = ads.superseded;
    let copies: Vec<DailyMetric> = ads.rows.iter().rev().step_by(97).take(400).cloned().collect();
    daily_metrics.extend(ads.rows);
    daily_metrics.extend(site.rows);
    daily_metrics.extend(messages.rows);
    daily_metrics.extend(copies);
    let mut entities = dimensions.entities;
    entities.extend(messages.entities);

    Dataset {
        today,
        seed,
        scale,
        recorded_at: calendar.at(today, 14_400),
        sources: operations.sources,
        source_streams: operations.streams,
        sync_runs: operations.runs,
        data_quality: operations.quality,
        fx_rates: rates.rows(&calendar),
        settings: operations.settings,
        targets: operations.targets,
        budgets: operations.budgets,
        entities,
        campaigns: dimensions.campaigns,
        ad_groups: dimensions.ad_groups,
        creatives: dimensions.creatives,
        keywords: terms.keywords,
        pages: dimensions.pages,
        products,
        variants,
        customers,
        orders: sales.orders,
        order_items: sales.items,
        refunds: sales.refunds,
        leads: leads.leads,
        touches,
        daily_metrics,
        daily_campaign_metrics,
        daily_funnel_metrics: funnel.rows,
        search_terms: terms.rows,
        search_performance: search.rows,
        keyword_ranks: search.ranks,
        user_metrics: people.metrics,
        segments: people.segments,
        segment_members: people.members,
        segment_sizes: people.sizes,
        consents: people.consents,
        actor_links: seen.links,
        events: seen.events,
        plans: club.plans,
        subscriptions: club.subscriptions,
        mrr_movements: club.movements,
        experiments: tests.experiments,
        experiment_arms: tests.arms,
        experiment_daily: tests.days,
    }
}

/// The daily rollup of campaigns: platform figures beside the orders that came through them last.
fn campaign_days(calendar: &Calendar, rows: &[DailyMetric], orders: &[Order]) -> Vec<CampaignDay> {
    let mut sold: HashMap<(Date, &Id), (i64, Micros, i64)> = HashMap::new();
    for order in orders.iter().filter(|o| o.status != "cancelled" && !o.is_test) {
        if let Some(campaign) = &order.campaign_id {
            let cell = sold.entry((calendar.local_day(order.ordered_at), campaign)).or_default();
            cell.0 += 1;
            cell.1 += order.gross_base - order.discount_base;
            cell.2 += i64::from(order.is_first_order);
        }
    }
    rows.iter()
        .filter(|row| row.entity_kind == "campaign" && row.breakdown.is_empty())
        .map(|row| {
            let (orders, revenue, new) = sold.get(&(row.date, &row.entity_id)).copied().unwrap_or_default();
            let plan = &PLANS[PLANS.iter().position(|p| *p.id == *row.entity_id).unwrap_or(0)];
            let buyers = (row.conversions.0 / 1_000_000).min(row.clicks);
            CampaignDay {
                date: row.date,
                campaign_id: row.entity_id.clone(),
                channel: row.channel,
                source: row.source,
                is_holdout: false,
                impressions: row.impressions,
                eligible_impressions: row.eligible_impressions,
                clicks: row.clicks,
                landed: row.landed,
                reach: row.reach,
                conversions: row.conversions,
                conversion_value: row.conversion_value,
                conversion_value_base: row.conversion_value_base,
                cost: row.cost,
                cost_base: row.cost_base,
                revenue: row.revenue,
                revenue_base: row.revenue_base,
                revenue_basis: row.revenue_basis,
                currency: row.currency,
                budget: operations::daily_budget(calendar, plan, row.date),
                planned_spend: operations::daily_budget(calendar, plan, row.date),
                attributed_orders: rows::whole(orders),
                attributed_revenue: revenue,
                new_customers: new,
                buyers,
                clickers: row.clicks - row.clicks / 14,
                cart_users: (row.landed / 6).max(buyers * 2).min(row.landed.max(buyers)),
            }
        })
        .collect()
}

impl Dataset {
    /// The daily metrics that hold: one row a key, the last one exported.
    pub fn daily(&self) -> Vec<&DailyMetric> {
        let mut last: HashMap<_, usize> = HashMap::with_capacity(self.daily_metrics.len());
        for (index, row) in self.daily_metrics.iter().enumerate() {
            let key = (
                row.date,
                row.source,
                &row.account_id,
                row.entity_kind,
                &row.entity_id,
                row.channel,
                &row.breakdown,
            );
            last.insert(key, index);
        }
        let mut kept: Vec<usize> = last.into_values().collect();
        kept.sort_unstable();
        kept.into_iter().map(|index| &self.daily_metrics[index]).collect()
    }
}

impl Tables for Dataset {
    fn recorded_at(&self) -> Timestamp {
        self.recorded_at
    }

    fn span(&self) -> (Date, Date) {
        (self.today.saturating_sub(jiff::Span::new().months(i64::from(self.scale.months))), self.today)
    }

    fn tables(&self) -> Vec<Table> {
        vec![
            Table::of(&self.sources),
            Table::of(&self.source_streams),
            Table::of(&self.sync_runs),
            Table::of(&self.data_quality),
            Table::of(&self.fx_rates),
            Table::of(&self.settings),
            Table::of(&self.targets),
            Table::of(&self.budgets),
            Table::of(&self.entities),
            Table::of(&self.campaigns),
            Table::of(&self.ad_groups),
            Table::of(&self.creatives),
            Table::of(&self.keywords),
            Table::of(&self.pages),
            Table::of(&self.products),
            Table::of(&self.variants),
            Table::of(&self.customers),
            Table::of(&self.orders),
            Table::of(&self.order_items),
            Table::of(&self.refunds),
            Table::of(&self.leads),
            Table::of(&self.touches),
            Table::of(&self.daily_metrics),
            Table::of(&self.daily_campaign_metrics),
            Table::of(&self.daily_funnel_metrics),
            Table::of(&self.search_terms),
            Table::of(&self.search_performance),
            Table::of(&self.keyword_ranks),
            Table::of(&self.user_metrics),
            Table::of(&self.segments),
            Table::of(&self.segment_members),
            Table::of(&self.segment_sizes),
            Table::of(&self.consents),
            Table::of(&self.actor_links),
            Table::of(&self.events),
            Table::of(&self.plans),
            Table::of(&self.subscriptions),
            Table::of(&self.mrr_movements),
            Table::of(&self.experiments),
            Table::of(&self.experiment_arms),
            Table::of(&self.experiment_daily),
        ]
    }
}
