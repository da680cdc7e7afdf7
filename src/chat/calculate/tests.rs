use super::*;
use crate::chat::fixtures::{arguments, params, waste};
use crate::chat::turn::ChosenBy;

fn evidence() -> Evidence {
    let mut evidence = Evidence::default();
    evidence.add_run("c1", Box::new(waste()), &params(), ChosenBy::Model);
    evidence
}

fn result(expression: &str) -> String {
    match run(&arguments(json!({"expression": expression})), "give me 15 % of it", &evidence()) {
        Ok(done) => format!("{} {}", done.value.round_dp(4).normalize(), done.unit.word()),
        Err(error) => format!("{}: {error}", error.code()),
    }
}

#[test]
fn arithmetic_over_cells() {
    assert_eq!(result("{r1/0/cost} - {r1/1/cost}"), "220.5 money");
    assert_eq!(result("({c1/0/cost} - {c1/1/cost}) / {c1/1/cost}"), "0.525 ratio");
    assert_eq!(result("{r1/0/cost} / {r1/total/cost} * 100"), "54.2797 ratio");
    assert_eq!(result("sum({r1/*/cost})"), "1180 money");
    assert_eq!(result("avg({r1/*/clicks})"), "735.3333 number");
    assert_eq!(result("{r1/total/cost} / {r1/total/clicks}"), "0.5349 money");
    assert_eq!(result("{r1/n} * 2 + -1"), "5 number");
    assert_eq!(result("{r1/total/cost} * 0.15"), "177 money");
    assert_eq!(
        result("640.50 - {r1/1/cost}"),
        "calculate.units: Money is only added to or taken from money."
    );
    assert_eq!(result("max({r1/*/clicks}) - min({r1/*/clicks})"), "1216 number");
}

#[test]
fn faults_are_told_with_what_would_do() {
    assert_eq!(
        result("{r1/0/cost} * 42.7"),
        "calculate.unknown_number: 42.7 is in no result and not in the question; refer to a cell as {ref/row/column}."
    );
    assert_eq!(
        result("2 + 2"),
        "calculate.no_cell: The expression names no cell; refer to results as {ref/row/column}."
    );
    assert_eq!(result("{r9/0/cost}"), "calculate.no_result: There is no result 'r9'.");
    assert_eq!(result("{r1/9/cost}"), "calculate.no_cell: 'r1' has rows 0 to 2; '9' is not one.");
    assert_eq!(result("{r1/0/spend}"), "calculate.no_cell: 'r1' has no column 'spend'.");
    assert_eq!(result("{r1/2/ctr}"), "calculate.null: {r1/2/ctr} has no value.");
    assert_eq!(
        result("{r1/*/cost} * 2"),
        "calculate.column: {r1/*/cost} is a whole column; put it into sum(), avg(), min() or max()."
    );
    assert_eq!(
        result("{r1/0/cost} / (1 - 1)"),
        "calculate.zero: Division by zero has no value; say so instead."
    );
    assert_eq!(result("{r1/0/cost} +"), "calculate.syntax: The expression ends too early.");
    assert_eq!(
        result("system('x')"),
        "calculate.syntax: 'system' is not known; use sum, avg, min, max, abs, or a cell in braces."
    );
    assert_eq!(result(&"(".repeat(400)), "calculate.syntax: The expression is nested too deeply.");
    assert_eq!(
        result(&"{r1/0/cost} * 1000000".replace("1000000", &["1000000"; 6].join(" * "))),
        "calculate.overflow: The result is too large."
    );
}

#[test]
fn every_cell_and_step_is_recorded() {
    let done =
        run(&arguments(json!({"expression": "({r1/0/cost} - {r1/1/cost}) / 2"})), "", &evidence()).unwrap();
    assert_eq!(
        done.record(),
        json!({
            "expression": "({r1/0/cost} - {r1/1/cost}) / 2",
            "cells": [
                {"cell": "r1/0/cost", "call_id": "c1", "value": "640.50"},
                {"cell": "r1/1/cost", "call_id": "c1", "value": "420.00"},
            ],
            "steps": [
                {"op": "-", "operands": ["640.50", "420.00"], "value": "220.50"},
                {"op": "/", "operands": ["220.50", "2"], "value": "110.25"},
            ],
        })
    );
}

#[test]
fn a_calculation_that_its_cells_do_not_matter_to_is_refused() {
    let refused = "calculate.no_cell: The result does not depend on the cells it names; calculate with them, or leave the figure out.";
    for expression in [
        "{r1/n} * 0 + 12 * 365",
        "{r1/0/cost} / {r1/0/cost} * 365",
        "{r1/0/clicks} - {c1/0/clicks} + 1000000",
        "{r1/0/clicks} * 0",
    ] {
        assert_eq!(result(expression), refused, "{expression}");
    }
    assert_eq!(result("1 - {r1/0/ctr}"), "0.9608 percent");
}

#[test]
fn a_number_that_a_model_put_into_a_call_is_no_operand() {
    let mut fixture = waste();
    fixture.params.insert("min_spend".into(), json!(4321));
    let mut evidence = Evidence::default();
    evidence.add_run("c1", Box::new(fixture), &params(), ChosenBy::Model);
    let sum =
        |evidence: &Evidence| run(&arguments(json!({"expression": "{r1/0/clicks} + 4321"})), "", evidence);
    assert_eq!(sum(&evidence).unwrap_err().code(), "calculate.unknown_number");
    evidence.hear("over 4321?");
    assert!(sum(&evidence).is_ok(), "the person named it");
}
