-- Count the requests of each operating system in CloudFront's access logs.
--
-- After the script of AWS's tutorial. Its columns are in backquotes: `date`, `time` and others are
-- reserved words since Hive 3.

CREATE EXTERNAL TABLE IF NOT EXISTS cloudfront_logs (
  `date_object` DATE,
  `time` STRING,
  `location` STRING,
  `bytes` INT,
  `request_ip` STRING,
  `method` STRING,
  `host` STRING,
  `uri` STRING,
  `status` INT,
  `referrer` STRING,
  `os` STRING,
  `browser` STRING,
  `browser_version` STRING
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe'
WITH SERDEPROPERTIES (
  "input.regex" = "^(?!#)([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+([^ ]+)\\s+[^\(]+[\(]([^\;]+).*\%20([^\/]+)[\/](.*)$"
)
LOCATION '${INPUT}/';

INSERT OVERWRITE DIRECTORY '${OUTPUT}/os_requests/'
SELECT `os`, COUNT(*) AS requests
FROM cloudfront_logs
WHERE `date_object` BETWEEN '2014-07-05' AND '2014-08-05'
GROUP BY `os`;

-- Every line of the files is a row, the comment lines too: of those all columns are NULL.
INSERT OVERWRITE DIRECTORY '${OUTPUT}/rows_read/'
SELECT 'rows', COUNT(*)
FROM cloudfront_logs;
