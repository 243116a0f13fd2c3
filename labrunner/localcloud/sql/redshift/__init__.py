"""Amazon Redshift's SQL, after the Amazon Redshift Database Developer Guide."""
