//! Monospace tables for terminals and code blocks.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// A heading with the side its cells lean to.
#[derive(Clone, Debug)]
pub struct Heading {
    pub title: String,
    pub align: Align,
}

/// Columns wider than this are cut with an ellipsis.
const WIDEST: usize = 48;

/// Rows of equal width under a ruled heading; control characters and line breaks in cells become spaces.
pub fn table(headings: &[Heading], rows: &[Vec<String>]) -> String {
    let clean = |text: &str| -> String {
        let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if width(&text) <= WIDEST { text } else { text.chars().take(WIDEST - 1).chain(['…']).collect() }
    };
    let titles: Vec<String> = headings.iter().map(|h| clean(&h.title)).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|row| row.iter().map(|cell| clean(cell)).collect()).collect();
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(i, title)| {
            rows.iter()
                .filter_map(|row| row.get(i))
                .map(|cell| width(cell))
                .chain([width(title)])
                .max()
                .unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| -> String {
        let padded: Vec<String> = headings
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(i, (heading, wide))| {
                let cell = cells.get(i).map_or("", String::as_str);
                let space = " ".repeat(wide.saturating_sub(width(cell)));
                match heading.align {
                    Align::Left => format!("{cell}{space}"),
                    Align::Right => format!("{space}{cell}"),
                }
            })
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let rule: Vec<String> = widths.iter().map(|wide| "─".repeat(*wide)).collect();
    let mut out = vec![line(&titles), rule.join("  ")];
    out.extend(rows.iter().map(|row| line(row)));
    out.join("\n")
}

/// Columns a terminal needs: wide East Asian characters and emoji take two.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests;
