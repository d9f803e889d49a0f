//! How many backups are kept, by option and by environment.

use clap::Args as ClapArgs;

use crate::generation::generate_client::KEPT_BACKUPS;

/// Environment variable with the number of backups to keep.
pub(crate) const KEEP_VARIABLE: &str = "CSBROKER_KEEP_BACKUPS";
/// How many backups can be kept.
const KEPT_AT_LEAST: i64 = 1;
const KEPT_AT_MOST: i64 = 1_000;

/// How many backups to keep.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct KeepArgs {
    /// How many backups to keep, 1 to 1000; `CSBROKER_KEEP_BACKUPS` sets it for all commands [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(KEPT_AT_LEAST..=KEPT_AT_MOST))]
    keep_backups: Option<u16>,
}

impl KeepArgs {
    /// The option, else the variable, else the default. `Err` is a variable that is no such number.
    pub(crate) fn keep(&self, variable: Option<&str>) -> Result<usize, String> {
        match (self.keep_backups, variable.map(str::trim).filter(|value| !value.is_empty())) {
            (Some(keep), _) => Ok(usize::from(keep)),
            (None, None) => Ok(KEPT_BACKUPS),
            (None, Some(value)) => match value.parse::<u16>() {
                Ok(keep) if (KEPT_AT_LEAST..=KEPT_AT_MOST).contains(&i64::from(keep)) => {
                    Ok(usize::from(keep))
                }
                _ => Err(format!(
                    "{KEEP_VARIABLE} is `{value}`: give a number from {KEPT_AT_LEAST} to {KEPT_AT_MOST}"
                )),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::args::{Args, Command};

    fn keep(args: &[&str], variable: Option<&str>) -> Result<usize, String> {
        let args = Args::try_parse_from([&["csbroker", "generate"], args].concat()).unwrap();
        match args.command {
            Command::Generate(generate) => generate.keep.keep(variable),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_option_goes_before_the_variable() {
        assert_eq!(keep(&[], None), Ok(10));
        assert_eq!(keep(&[], Some(" ")), Ok(10));
        assert_eq!(keep(&[], Some("25")), Ok(25));
        assert_eq!(keep(&["--keep-backups", "3"], Some("25")), Ok(3));
        for bad in ["0", "1001", "many", "-1"] {
            assert!(keep(&[], Some(bad)).unwrap_err().contains(bad));
            assert!(Args::try_parse_from(["csbroker", "generate", "--keep-backups", bad]).is_err());
        }
    }
}
