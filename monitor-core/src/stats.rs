//! STUB until the value plane lands.
#![allow(dead_code, clippy::all, clippy::pedantic, missing_docs)]
use crate::{config::StorageConfig, snapshot::*, value::*};
use std::sync::Arc;
#[derive(Debug)]
pub struct Values;
#[derive(Debug, Clone, Copy, Default)]
pub enum Keep {
    #[default]
    Default,
    Last(std::num::NonZeroUsize),
}
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct StatsError;
#[derive(Debug, Clone)]
pub struct StatCounter;
impl Values {
    pub fn new(_: &StorageConfig, _: Arc<[f64]>, _: Arc<[f64]>) -> Self {
        Self
    }
    pub fn inc(&self, _: &str, _: impl Into<StatNumber>) -> Result<StatValue, StatsError> {
        Err(StatsError)
    }
    pub fn set(&self, _: &str, _: StatValue) -> Result<(), StatsError> {
        Err(StatsError)
    }
    pub fn append(&self, _: &str, _: StatValue, _: Keep) -> Result<(), StatsError> {
        Err(StatsError)
    }
    pub fn add_key_value(&self, _: &str, _: &str, _: StatValue, _: f64) -> Result<(), StatsError> {
        Err(StatsError)
    }
    pub fn del_key_value(&self, _: &str, _: &str, _: f64) -> Option<StatValue> {
        None
    }
    pub fn counter(&self, _: &str) -> Result<StatCounter, StatsError> {
        Err(StatsError)
    }
    pub fn tasks(&self, _: f64) -> TaskTotals {
        TaskTotals::default()
    }
    pub fn snapshot(&self) -> ValuesSnapshot {
        ValuesSnapshot::default()
    }
}
