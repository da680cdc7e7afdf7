//! One chart as data, drawn as SVG or PNG. Surfaces that draw for themselves take the same data, so that all show the same
//! figures (`queries.md` §6).
mod draw;
mod png;
mod ticks;

pub use draw::svg;
pub use png::{ChartError, png};

/// How the numbers of an axis are written. Fractions are 0..1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    #[default]
    Number,
    /// The sign or code of the currency, written before the amount.
    Money(String),
    Fraction,
    /// A difference of fractions.
    Points,
    Times,
    Days,
    Hours,
    Milliseconds,
}

impl Unit {
    /// What a surface writes beside an axis when it writes plain numbers; fractions are then given in per cent.
    pub fn word(&self) -> &str {
        match self {
            Self::Number => "",
            Self::Money(sign) => sign.trim(),
            Self::Fraction => "%",
            Self::Points => "pp",
            Self::Times => "x",
            Self::Days => "days",
            Self::Hours => "h",
            Self::Milliseconds => "ms",
        }
    }

    /// A value in the measure of [`Self::word`].
    pub fn in_words(&self, value: f64) -> f64 {
        match self {
            Self::Fraction | Self::Points => value * 100.0,
            Self::Number | Self::Money(_) | Self::Times | Self::Days | Self::Hours | Self::Milliseconds => {
                value
            }
        }
    }
}

/// One line, or one colour of bars; a value a category, none where there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub name: String,
    pub values: Vec<Option<f64>>,
}

/// Bounds around the first series, a pair a category.
pub type Interval = Vec<Option<(f64, f64)>>;

#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub x: f64,
    pub y: f64,
    pub label: String,
    /// Relative weight, 0..1; none: all alike.
    pub size: Option<f64>,
}

/// What is drawn. Categories and steps stand in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    Line {
        x: Vec<String>,
        series: Vec<Series>,
        interval: Option<Interval>,
    },
    Bar {
        x: Vec<String>,
        series: Vec<Series>,
        interval: Option<Interval>,
    },
    Stacked {
        x: Vec<String>,
        series: Vec<Series>,
    },
    Funnel {
        steps: Vec<(String, f64)>,
    },
    Heatmap {
        rows: Vec<String>,
        columns: Vec<String>,
        values: Vec<Vec<Option<f64>>>,
    },
    Scatter {
        points: Vec<Point>,
        x_unit: Unit,
    },
    /// Amounts that lead from one total to another; totals that do not add up with them are left out by who makes this.
    Waterfall {
        start: Option<f64>,
        deltas: Vec<(String, f64)>,
        ends: bool,
    },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Chart {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    /// Of the values.
    pub unit: Unit,
    pub shape: Shape,
}

impl Chart {
    /// Whether there is anything to see.
    pub fn is_empty(&self) -> bool {
        let none = |series: &[Series]| series.iter().all(|s| s.values.iter().all(Option::is_none));
        match &self.shape {
            Shape::Line { series, .. } | Shape::Bar { series, .. } | Shape::Stacked { series, .. } => {
                none(series)
            }
            Shape::Funnel { steps } => steps.is_empty(),
            Shape::Heatmap { values, .. } => values.iter().flatten().all(Option::is_none),
            Shape::Scatter { points, .. } => points.is_empty(),
            Shape::Waterfall { deltas, .. } => deltas.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests;
