//! Figures and tables as text: numbers in words, monospace tables, sparklines. Pure: data in, text out.
pub mod chart;
pub mod csv;
pub mod figure;
pub mod notice;
pub mod sparkline;
pub mod table;
