//! `[calendar]`, `[index]` and `[sheet]`: working time, how the national index is computed, the morning sheet.

use std::{collections::BTreeMap, path::PathBuf};

use jiff::civil::{Date, Weekday};
use lienthong_core::{
    calendar::{Shift, Week, Year},
    id::UnitCode,
    index::{catalogue::Procedure, rules::Rules},
};
use serde::Deserialize;

use super::sections::Day;

/// `[calendar]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Calendar {
    /// The folder with a file for every year: `2026.toml`. None: only weekends are free.
    pub years_dir: Option<PathBuf>,
    /// So many days before a year begins its file should be there.
    pub ahead_days: i32,
    /// The usual hours; none: Monday to Friday, 07:30-11:30 and 13:00-17:00.
    pub hours: Vec<Hours>,
    /// Units with other hours.
    #[serde(rename = "unit")]
    pub units: Vec<UnitHours>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self { years_dir: None, ahead_days: 60, hours: Vec::new(), units: Vec::new() }
    }
}

/// The hours of some days of the week.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// `mon` … `sun`.
    pub days: Vec<Day>,
    /// `07:30-11:30`.
    pub shifts: Vec<String>,
}

/// `[[calendar.unit]]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitHours {
    /// Their codes.
    pub codes: Vec<UnitCode>,
    /// Days that differ from the usual ones, such as a Saturday desk.
    pub hours: Vec<Hours>,
}

impl Calendar {
    /// The usual week and those of units that differ. `Err`: the key, and which text is no shift.
    pub fn weeks(&self) -> Result<(Week, BTreeMap<UnitCode, Week>), (String, String)> {
        let mut usual = if self.hours.is_empty() { Week::default() } else { Week::empty() };
        set(&mut usual, &self.hours).map_err(|said| ("calendar.hours".to_owned(), said))?;
        let mut units = BTreeMap::new();
        for (place, unit) in self.units.iter().enumerate() {
            let mut week = usual.clone();
            set(&mut week, &unit.hours).map_err(|said| (format!("calendar.unit[{place}].hours"), said))?;
            units.extend(unit.codes.iter().map(|code| (code.clone(), week.clone())));
        }
        Ok((usual, units))
    }
}

fn set(week: &mut Week, hours: &[Hours]) -> Result<(), String> {
    for hours in hours {
        let shifts = hours.shifts.iter().map(|text| Shift::parse(text));
        let shifts = shifts.collect::<Result<Vec<_>, _>>().map_err(|bad| bad.to_string())?;
        for day in &hours.days {
            week.set(Weekday::from(*day), shifts.clone()).map_err(|bad| bad.to_string())?;
        }
    }
    Ok(())
}

/// A year's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearFile {
    year: i16,
    #[serde(default)]
    holidays: Vec<Holiday>,
    #[serde(default)]
    swaps: Vec<Swap>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holiday {
    day: Date,
    #[serde(rename = "name")]
    _name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Swap {
    off: Date,
    work: Date,
    #[serde(rename = "name")]
    _name: Option<String>,
}

impl YearFile {
    /// Reads and checks it.
    pub fn read(text: &str) -> Result<Year, String> {
        let file: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let holidays: Vec<Date> = file.holidays.iter().map(|h| h.day).collect();
        let swaps: Vec<(Date, Date)> = file.swaps.iter().map(|s| (s.off, s.work)).collect();
        Year::new(file.year, &holidays, &swaps).map_err(|bad| bad.to_string())
    }
}

/// `[index]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Index {
    /// How often the facts are brought up to date.
    pub refresh_seconds: u64,
    /// What is known of procedures: TOML, or JSON of the same shape.
    pub catalogue_file: Option<PathBuf>,
    /// The disputed rules.
    pub rules: Rules,
}

impl Default for Index {
    fn default() -> Self {
        Self { refresh_seconds: 900, catalogue_file: None, rules: Rules::default() }
    }
}

/// `[sheet]`
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sheet {
    /// From which time of day on the day's sheet is kept as it is, `07:30`; empty: none is kept.
    pub at: String,
    /// For how many days.
    pub keep_days: u16,
    /// Working hours within which something is due soon, and next.
    pub due_hours: [i64; 2],
}

impl Default for Sheet {
    fn default() -> Self {
        Self { at: "07:30".into(), keep_days: 90, due_hours: [24, 72] }
    }
}

/// The catalogue's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// All procedures under the province's authority.
    #[serde(rename = "procedure")]
    pub procedures: Vec<Procedure>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_that_comes_with_us_is_read() {
        let year = YearFile::read(include_str!("../../../calendar/2026.toml")).unwrap();
        assert_eq!(year.number(), 2026);
        assert!(year.is_off("2026-04-30".parse().unwrap()));
        assert!(YearFile::read("year = 2026\nholidays = [{ day = \"2027-01-01\" }]").is_err());
    }

    #[test]
    fn a_saturday_desk_keeps_the_usual_week() {
        let text = "[[unit]]\ncodes = [\"000.00.08.H99\"]\nhours = [{ days = [\"sat\"], shifts = [\"07:30-11:30\"] }]";
        let calendar: Calendar = toml::from_str(text).unwrap();
        let (usual, units) = calendar.weeks().unwrap();
        let mut wanted = usual.clone();
        wanted.set(Weekday::Saturday, vec![Shift::parse("07:30-11:30").unwrap()]).unwrap();
        assert_eq!(units.values().collect::<Vec<_>>(), [&wanted]);
        let bad: Calendar = toml::from_str("hours = [{ days = [\"mon\"], shifts = [\"7-8\"] }]").unwrap();
        assert_eq!(bad.weeks().unwrap_err().0, "calendar.hours");
    }
}
