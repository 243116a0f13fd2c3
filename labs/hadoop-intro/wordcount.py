"""Count words with Spark: wordcount.py INPUT OUTPUT."""

import re
import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("wordcount").getOrCreate()
lines = spark.sparkContext.textFile(sys.argv[1])
counts = (
    lines.flatMap(lambda line: re.findall("[a-z]+", line.lower()))
    .map(lambda word: (word, 1))
    .reduceByKey(lambda one, other: one + other)
)
counts.map(lambda pair: f"{pair[0]}\t{pair[1]}").saveAsTextFile(sys.argv[2])
spark.stop()
