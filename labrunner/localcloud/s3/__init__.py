"""Amazon S3: moto keeps the objects, this package decides who may do what with them."""
