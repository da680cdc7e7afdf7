use super::*;
use crate::catalogue::Cell;
use crate::chat::fixtures::waste;
use crate::chat::offline::thread::Done;

fn past(results: &[QueryResult]) -> Past {
    let call = |(n, result): (usize, &QueryResult)| Done {
        id: format!("c{n}"),
        tool: result.query.clone(),
        args: Map::new(),
        result: json!(result),
        failed: false,
    };
    Past { calls: results.iter().enumerate().map(call).collect(), ..Past::default() }
}

#[test]
fn words_that_only_point_are_no_term_and_no_keyword() {
    for text in ["the first one", "first search term", "it", "that keyword", "the worst of them"] {
        assert!(proposals::only_points(text), "{text}");
    }
    for text in ["free template", "the best trail shoes", "search engine", "first aid kit"] {
        assert!(!proposals::only_points(text), "{text}");
    }
}

#[test]
fn of_several_results_a_draft_is_about_the_first_that_names_such_a_thing() {
    let wasted = waste();
    let mut none = waste();
    none.rows.clear();
    let mut spikes = waste();
    spikes.query = "cpa_spikes".to_owned();
    spikes.rows.reverse();
    let meant = |kind: &str, results: &[QueryResult]| super::meant(kind, &past(results)).map(|r| r.query);
    // What a review of waste begins with is what "draft the pause" means, not what it ends with.
    let all = [none.clone(), wasted.clone(), spikes.clone()];
    assert_eq!(super::meant("pause_campaign", &past(&all)).map(|r| r.rows), Some(wasted.rows.clone()));
    let mut terms = waste();
    terms.query = "search_term_waste".to_owned();
    terms.columns[0].name = "term".to_owned();
    terms.rows[0][0] = Cell::Text("free template".to_owned());
    let all = [wasted, terms, spikes];
    assert_eq!(meant("add_negative_keyword", &all).as_deref(), Some("search_term_waste"));
    assert_eq!(meant("decrease_budget", &all).as_deref(), Some("wasted_spend"));
    // With nothing of the kind the newest result counts, and without results there is none.
    assert_eq!(meant("pause_campaign", &[none]).as_deref(), Some("wasted_spend"));
    assert_eq!(meant("pause_campaign", &[]), None);
}
