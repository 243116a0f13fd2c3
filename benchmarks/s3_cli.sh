#!/usr/bin/env bash
# The S3 work item with the AWS CLI: the calls of s3_plain.py, in the same order.
set -euo pipefail

pages="$(dirname "$0")/labs/s3-work-item"
bucket="cli-$$-$RANDOM"
url="$AWS_ENDPOINT_URL/$bucket/index.html"

put() { aws s3api put-object --bucket "$bucket" --content-type text/html "$@"; }

get() { curl --silent --show-error --output /dev/null --write-out '%{http_code}\n' "$url"; }

block() {
  aws s3api put-public-access-block --bucket "$bucket" --public-access-block-configuration \
    "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=$1,RestrictPublicBuckets=$1"
}

if [[ $AWS_DEFAULT_REGION == us-east-1 ]]; then
  aws s3api create-bucket --bucket "$bucket"
else
  aws s3api create-bucket --bucket "$bucket" \
    --create-bucket-configuration "LocationConstraint=$AWS_DEFAULT_REGION"
fi
put --key index.html --body "$pages/page.html" --storage-class STANDARD
put --key about.html --body "$pages/page.html" --storage-class STANDARD_IA
put --key archive.html --body "$pages/page.html" --storage-class INTELLIGENT_TIERING
aws s3api list-objects-v2 --bucket "$bucket" --query 'Contents[].Key'
aws s3api head-object --bucket "$bucket" --key about.html --query StorageClass
get
block false
aws s3api put-bucket-policy --bucket "$bucket" --policy "{
  \"Version\": \"2012-10-17\",
  \"Statement\": [{
    \"Effect\": \"Allow\",
    \"Principal\": \"*\",
    \"Action\": \"s3:GetObject\",
    \"Resource\": \"arn:aws:s3:::$bucket/*\"
  }]
}"
get
aws s3api put-bucket-versioning --bucket "$bucket" --versioning-configuration Status=Enabled
put --key index.html --body "$pages/page-new.html"
aws s3api list-object-versions --bucket "$bucket" --prefix index.html --query 'Versions[].VersionId'
aws s3api delete-object --bucket "$bucket" --key index.html

# The clean-up makes the same calls as labrunner's teardown.
aws s3api delete-bucket-policy --bucket "$bucket"
block true
objects="$(aws s3api list-object-versions --bucket "$bucket" --output json --query \
  '{Quiet: `true`, Objects: [Versions, DeleteMarkers][][].{Key: Key, VersionId: VersionId}}')"
aws s3api delete-objects --bucket "$bucket" --delete "$objects"
aws s3api list-multipart-uploads --bucket "$bucket"
aws s3api delete-bucket --bucket "$bucket"
! aws s3api head-bucket --bucket "$bucket" 2>/dev/null
